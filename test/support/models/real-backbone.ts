import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { requirement } from '../requirement.ts';

const folder = join(import.meta.dirname, '../../../../shared/data/mobilenet_v1_0.25_224');

/** The folder with MobileNet's pretrained layers; empty if this machine lacks it. */
export const realBackbone = requirement(
  existsSync(join(folder, 'model.json')),
  'Tests with the pretrained MobileNet need its layers model in ../shared/data/mobilenet_v1_0.25_224.',
)
  ? folder
  : '';
