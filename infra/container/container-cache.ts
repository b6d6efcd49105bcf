import { dirname, join } from 'node:path';
import { defaultCacheFolder } from '../../trainer/dataset/cache-folder.ts';

/** Outside the checkout, so that a fresh one finds what an earlier one left. */
export const containerCache = join(dirname(defaultCacheFolder()), 'container');
