/** For each test of a file that imports this: a folder of its own, to make a data set in. */
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { Dataset } from '../../../trainer/data/dataset.ts';
import { loadDataset } from '../../../trainer/data/load-dataset.ts';
import { writeShapes } from './write-shapes.ts';

/** The parent of all folders. Its folder `shapes` has an intact data set. */
export let root: string;
/** The folder of the current test. It does not exist yet. */
export let folder: string;
/** The data set in `shapes`. */
export let whole: Dataset;

let made = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'catwalk-shapes-'));
  await writeShapes(join(root, 'shapes'), { train: 5, validation: 2, test: 3 });
  whole = await loadDataset({ dataset: join(root, 'shapes') });
});
afterAll(() => rm(root, { recursive: true }));
beforeEach(() => {
  folder = join(root, `set ${++made}`);
});

/** Copies the data set into the test's folder. */
export const copyShapes = () => cp(join(root, 'shapes'), folder, { recursive: true });

/** Writes a file into the test's folder. */
export async function put(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), content);
}
