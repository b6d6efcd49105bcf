/** `train --publish` changes the served test set only together with the alias. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LocalWorker, startLocalWorker } from '../../infra/local/worker.ts';
import { writeSmallDataset } from '../support/datasets/small-dataset.ts';

const run = promisify(execFile);
const cli = join(import.meta.dirname, '../../trainer/cli.ts');
let folder: string;
let worker: LocalWorker;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-train-publish-'));
  const variables = { MODEL_NAME: 'hundred-cnn', DATASET_NAME: 'hundred', ALIAS_POLL_SECONDS: '0' };
  worker = await startLocalWorker({ port: 0, persistTo: folder, variables });
}, 120_000);
afterAll(async () => {
  await worker?.stop();
  await rm(folder, { recursive: true });
});

async function train(dataset: string) {
  const argv = ['--epochs', '1', '--backend', 'wasm', '--publish', 's3://catwalk', '--json'];
  const env = { ...process.env, ...worker.env };
  const runs = join(folder, 'runs');
  const all = [cli, 'train', '--dataset', dataset, '--runs', runs, ...argv];
  const { stdout } = await run(process.execPath, all, { env, maxBuffer: 2 ** 26 });
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return events.find(({ event }) => event === 'published').move.outcome;
}

const actual = async () => {
  const response = await fetch(`${worker.url}/predict?index=0`);
  const answer = await response.json();
  expect(response.status, JSON.stringify(answer)).toBe(200);
  return answer.actual.label;
};

it('leaves model and test set as they are if the trained model is refused', async () => {
  const dataset = await writeSmallDataset(folder);
  expect(await train(dataset)).toBe('moved');
  expect(await actual()).toBe('9');
  // Another data set of the same name: each image has the label of the next one.
  await rename(dataset, join(folder, 'first'));
  await writeSmallDataset(folder);
  for (const part of ['train', 't10k']) {
    const file = join(dataset, `${part}-labels-idx1-ubyte`);
    const bytes = await readFile(file);
    const ids = bytes.subarray(8);
    await writeFile(
      file,
      Buffer.concat([bytes.subarray(0, 8), ids.subarray(1), ids.subarray(0, 1)]),
    );
  }
  expect(await train(dataset)).toBe('kept');
  for (let request = 0; request < 3; request++) expect(await actual()).toBe('9');
}, 180_000);
