import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fashionMnistCnn } from '../../../shared/model/model-spec.ts';
import { readNativeSetup } from '../../../trainer/backend/native-setup.ts';
import { loadDataset } from '../../../trainer/data/load-dataset.ts';
import { recipes } from '../../../trainer/train/recipes.ts';
import { train } from '../../../trainer/train/train.ts';
import type { TrainingEvent, TrainOptions } from '../../../trainer/train/training-types.ts';
import { requirement } from '../../support/requirement.ts';

const isSetUp = requirement(
  (await readNativeSetup()) !== null,
  'the tensorflow backend. Run `npm run setup:native` first.',
  'CATWALK_REQUIRE_TENSORFLOW',
);

async function trainOneEpoch(options: Pick<TrainOptions, 'backend'> & Partial<TrainOptions>) {
  const recipe = { ...recipes.tutorial, epochs: 1 };
  const dataset = await loadDataset();
  const events: TrainingEvent[] = [];
  const all = { spec: fashionMnistCnn, dataset, recipe, seed: 3, limit: 1280, ...options };
  for await (const event of train(all)) events.push(event);
  const started = events.find(({ event }) => event === 'started');
  const epoch = events.find(({ event }) => event === 'epoch');
  if (started?.event !== 'started' || epoch?.event !== 'epoch')
    throw new Error('It did not train.');
  const losses = events.flatMap((event) => (event.event === 'progress' ? [event.loss] : []));
  return { started, losses, metrics: epoch.metrics };
}

describe.skipIf(!isSetUp)('the tensorflow backend', () => {
  it('takes the same steps as the wasm backend, except for rounding', async () => {
    // Dropout masks are drawn per worker.
    const threads = 2;
    const wasm = await trainOneEpoch({ backend: 'wasm', threads });
    const native = await trainOneEpoch({ backend: 'tensorflow', device: 'cpu', threads });
    expect(native.losses.length).toBe(20);
    expect(native.losses[0]).toBeCloseTo(wasm.losses[0] ?? 0, 4);
    // Adam amplifies rounding from step to step.
    expect(Math.abs((native.losses.at(-1) ?? 0) - (wasm.losses.at(-1) ?? 0))).toBeLessThan(0.02);
    expect(Math.abs(native.metrics.accuracy - wasm.metrics.accuracy)).toBeLessThan(0.02);
  });

  it('is the choice of auto after wasm on a CPU', async () => {
    const { started } = await trainOneEpoch({ backend: 'auto', device: 'cpu', limit: 64 });
    expect(started.backend).toMatchObject({ name: 'wasm', device: { kind: 'CPU' } });
    expect(started.skipped).toEqual([]);
  });

  it('refuses a GPU that is hidden from it, and does not fall back', async () => {
    const { CUDA_VISIBLE_DEVICES: before } = process.env;
    process.env.CUDA_VISIBLE_DEVICES = '-1';
    try {
      await expect(trainOneEpoch({ backend: 'auto', device: 'gpu', limit: 64 })).rejects.toThrow(
        /set up only for CPUs|no GPU is available/,
      );
    } finally {
      if (before === undefined) delete process.env.CUDA_VISIBLE_DEVICES;
      else process.env.CUDA_VISIBLE_DEVICES = before;
    }
  });

  it('ends the process cleanly if its thread fails after loading it', async () => {
    const cli = join(import.meta.dirname, '../../../trainer/cli.ts');
    const child = spawn(process.execPath, [cli, 'train', '--device', 'gpu', '--limit', '64'], {
      env: { ...process.env, CUDA_VISIBLE_DEVICES: '-1' },
      stdio: 'ignore',
    });
    // Not with SIGSEGV, as if Node unloaded TensorFlow under its own threads.
    expect(await once(child, 'exit')).toEqual([1, null]);
  });
});
