/** Training on pictures in colour, from the command line. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeSmallDataset } from '../../support/datasets/small-dataset.ts';
import { tomatoes, writeTomatoes } from '../../support/datasets/write-tomatoes.ts';
import { startTraining } from '../../support/training-process.ts';

let root: string;
let folder: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'catwalk-colour-run-'));
  folder = join(root, 'tomatoes');
  await writeTomatoes(folder, { train: 12, test: 3 });
});
afterAll(() => rm(root, { recursive: true }));

async function train(...argv: string[]) {
  const more = ['--backend', 'wasm', '--threads', '2', '--runs', join(root, 'runs')];
  const training = startTraining(argv[0] === '--resume' ? argv : [...argv, ...more]);
  const { code, stderr } = await training.ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const messages = training.reports.flatMap(({ message = [] }) => message as string | string[]);
  return { run: String(training.reports.at(-1)?.run), messages };
}

const read = (run: string, file: string) => readFile(join(run, file));
const configOf = async (run: string) => JSON.parse(String(await read(run, 'config.json')));

it('resumes to the same bits, with the colours and size of the run', async () => {
  const settings = ['--dataset', folder, '--size', '16', '--batch-size', '10'];
  const augmented = ['--flip', '--shift', '2', '--erase', '4'];
  const once = await train(...settings, ...augmented, '--epochs', '2');
  const { run } = await train(...settings, ...augmented, '--epochs', '1');
  expect((await configOf(run)).spec).toMatchObject({ inputShape: [16, 16, 3], labels: tomatoes });
  await train('--resume', run, '--epochs', '2');
  const weights = 'model/weights.bin';
  expect(Buffer.compare(await read(run, weights), await read(once.run, weights))).toBe(0);

  expect(String(await read(run, 'README.md'))).toMatch(/classifies RGB 16x16 images into 4/);
  const report = String(await read(run, 'report.html'));
  const [, base64 = ''] = /data:image\/png;base64,([^"]+)/.exec(report) ?? [];
  expect(decode(Buffer.from(base64, 'base64'))).toMatchObject({ width: 16, channels: 3 });

  // Another training that starts from it loads the images as it does.
  const child = await train('--dataset', folder, '--from', run, '--epochs', '1');
  expect((await configOf(child.run)).spec).toMatchObject({ inputShape: [16, 16, 3] });
});

it('says before the training what was found and what is trained', async () => {
  const { messages } = await train('--dataset', folder, '--size', '16', '--epochs', '1');
  expect(messages.join('\n')).toMatch(
    /tomatoes has 48 training and 12 test images, split by folder, of 4 labels: 12 to train on of each\. They are in colour.* sees 16x16 pixels in colour/,
  );
});

it('mirrors pictures in colour with --recipe best, but not what may be digits', async () => {
  const best = ['--recipe', 'best', '--epochs', '1', '--batch-size', '10'];
  const { run } = await train('--dataset', folder, '--size', '16', ...best);
  expect(await configOf(run)).toMatchObject({ flip: true, shift: 2 });
  const hundred = await writeSmallDataset(root);
  const grey = await train('--dataset', hundred, ...best);
  expect(await configOf(grey.run)).toMatchObject({ flip: false, shift: 2 });
  expect(grey.messages.join('\n')).toMatch(/hundred are not mirrored.*--flip mirrors them/);
  const asked = await train('--dataset', hundred, ...best, '--flip');
  expect(await configOf(asked.run)).toMatchObject({ flip: true });
});
