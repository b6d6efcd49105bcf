import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'fast-png';
import seedrandom from 'seedrandom';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { UsageError } from '../../../node/options.ts';
import { evaluate, loadDataset, predict, type TrainReport, train } from '../../../trainer/index.ts';
import { planRun } from '../../../trainer/run/plan-run.ts';
import { readConfig } from '../../../trainer/run/read-run.ts';

let root: string;
let photos: string;
let run: string;
let accuracy: number;

/** Two labels that only light and dark distinguish. */
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'catwalk-preprocessing-'));
  photos = join(root, 'photos');
  const random = seedrandom.alea('preprocessing');
  for (const part of ['train', 'test']) {
    for (const label of ['day', 'night']) {
      const folder = join(photos, part, label);
      await mkdir(folder, { recursive: true });
      for (let i = 0; i < 16; i++) {
        const sky = label === 'day' ? 200 + 50 * random() : 50 * random();
        const sun = [4 + 20 * random(), 4 + 10 * random()] as const;
        const data = Uint8Array.from({ length: 40 * 30 }, (_, i) =>
          Math.hypot((i % 40) - sun[0], i / 40 - sun[1]) < 5 ? 128 : sky,
        );
        const png = encode({ width: 40, height: 30, data, channels: 1, depth: 8 });
        await writeFile(join(folder, `${i}.png`), png);
      }
    }
  }
  const dataset = await loadDataset(photos, { fit: 'cover' });
  const options = { epochs: 6, batchSize: 8, backend: 'wasm', threads: 1 } as const;
  ({ run, accuracy } = await train(dataset, { ...options, runs: join(root, 'runs') }));
}, 60_000);
afterAll(() => rm(root, { recursive: true }));

it('is decided once, recorded with the run, and obeyed by predict and evaluate', async () => {
  const { config } = await readConfig(run);
  expect(config.spec.preprocessing).toEqual({
    mean: 0.5,
    std: 0.5,
    fit: 'cover',
    background: { kind: 'keep' },
  });
  expect(accuracy).toBe(1);
  expect((await evaluate(run)).accuracy).toBe(1);
  const files = ['day', 'night'].map((label) => join(photos, 'test', label, '0.png'));
  const labels = (await predict(run, files)).map(({ predicted }) => predicted.label);
  expect(labels).toEqual(['day', 'night']);
});

it('a resumed run keeps it', async () => {
  const { options } = await planRun({ resume: run });
  expect(options).toMatchObject({ fit: 'cover', background: 'keep' });
  const changed = planRun({ resume: run, background: 'invert' });
  await expect(changed).rejects.toThrow(UsageError);
  await expect(changed).rejects.toThrow('--background: the run to resume has keep');
});

it('belongs to the data set, not to a training of it', async () => {
  const dataset = await loadDataset(photos, { background: 'isolate' });
  expect([dataset.fit, dataset.background.kind]).toEqual(['contain', 'isolate']);
  const given = { background: 'keep' } as object;
  await expect(train(dataset, given)).rejects.toThrow('loadDataset');
});

it('an interrupted run does not resume with other preprocessing', async () => {
  const runs = join(root, 'interrupted');
  const ending = new AbortController();
  const dataset = await loadDataset(photos);
  const options = { epochs: 6, batchSize: 8, backend: 'wasm', threads: 1, runs } as const;
  const onProgress = ({ event }: TrainReport) => {
    if (event === 'progress') ending.abort();
  };
  await expect(train(dataset, { ...options, onProgress, signal: ending.signal })).rejects.toThrow();
  const [interrupted = ''] = await readdir(runs);
  const resume = join(runs, interrupted);
  const other = await loadDataset(photos, { background: 'invert', fit: 'stretch' });
  await expect(train(other, { resume })).rejects.toThrow(
    'was trained with background keep and fit contain, but photos was loaded with invert and stretch',
  );
  expect(await train(dataset, { resume })).toMatchObject({ accuracy: 1 });
});
