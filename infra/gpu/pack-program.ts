/** The program of the pack that `npm run check:gpu -- --pack` writes. It runs beside its data, without npm: check.sh starts it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fashionMnistCnn } from '../../shared/model/model-spec.ts';
import type { Dataset, ImageSet } from '../../trainer/data/dataset.ts';
import {
  checkAdapter,
  checkLosses,
  checkSpeed,
  checkTutorial,
  type LossRun,
} from './check-webgpu.ts';

const folder = process.argv[2] ?? '.';
const isTrial = process.env.TRY === '1';
const read = (name: string) => readFile(join(folder, name));

async function readSet(name: string): Promise<ImageSet> {
  const [images, labels] = await Promise.all([read(`${name}-images`), read(`${name}-labels`)]);
  return { images, labels, count: labels.length };
}

const dataset: Dataset = {
  name: 'fashion-mnist',
  height: 28,
  width: 28,
  labels: fashionMnistCnn.labels,
  fit: 'contain',
  background: { kind: 'isolate' },
  train: await readSet('train'),
  test: await readSet('test'),
  files: {},
  origin: folder,
  source: folder,
};
const runs: LossRun[] = JSON.parse(String(await read('wasm-losses.json')));

let failures = 0;
const report = (what: string, isRight: boolean, detail: string) => {
  if (!isRight) failures++;
  console.log(`${isRight ? 'ok  ' : 'FAIL'}  ${what}: ${detail}`);
};
await checkAdapter(report);
const [long, short] = runs as [LossRun, LossRun];
await checkLosses(dataset, isTrial ? short : long, report);
if (!isTrial) {
  for (const batchSize of [64, 512, 4096]) await checkSpeed(dataset, batchSize, report);
  await checkTutorial(dataset, report);
}
console.log(failures === 0 ? 'All checks passed.' : `${failures} checks failed.`);
process.exit(failures === 0 ? 0 : 1);
