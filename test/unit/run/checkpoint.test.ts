import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fashionMnistCnn } from '../../../shared/model/model-spec.ts';
import {
  type Checkpoint,
  decodeCheckpoint,
  encodeCheckpoint,
} from '../../../trainer/run/checkpoint.ts';
import { folderStore, openCheckpoints } from '../../../trainer/run/checkpoints.ts';
import { firstPosition } from '../../../trainer/train/training-state.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-checkpoint-'));
});
afterEach(() => rm(folder, { recursive: true }));

const checkpointAt = (step: number): Checkpoint => ({
  run: '20261124T101500Z-7',
  config: {
    recipe: 'tutorial',
    epochs: 5,
    batchSize: 64,
    optimizer: 'adam',
    learningRate: 0.001,
    seed: 1,
    backend: 'wasm',
    device: 'CPU',
    threads: 2,
    packages: {},
    git: null,
    spec: fashionMnistCnn,
    dataset: { name: 'fashion-mnist', files: {} },
  },
  epochs: [],
  state: {
    position: { ...firstPosition, step },
    vectors: {
      parameters: Float32Array.of(1.5, -0, Number.MIN_VALUE, step),
      firstMoments: Float32Array.of(0.1, 0.2, 0.3, 0.4),
      losses: Float32Array.of(2.3),
    },
  },
});

it('reads back what it wrote, to the last bit', () => {
  expect(decodeCheckpoint(encodeCheckpoint(checkpointAt(3)))).toEqual(checkpointAt(3));
});

it('refuses a checkpoint with any byte changed, or truncated anywhere', () => {
  const bytes = encodeCheckpoint(checkpointAt(3));
  for (let at = 0; at < bytes.length; at += 7) {
    const changed = bytes.slice();
    changed[at] = (changed[at] as number) ^ 1;
    expect(() => decodeCheckpoint(changed), `byte ${at}`).toThrow('SHA-256');
    expect(() => decodeCheckpoint(bytes.subarray(0, at)), `${at} bytes`).toThrow('SHA-256');
  }
});

it('keeps the previous checkpoint until the new one is complete, and falls back to it', async () => {
  const open = () => openCheckpoints(folderStore(folder));
  const checkpoints = await open();
  expect(checkpoints.latest).toBeNull();
  for (const step of [1, 2, 3]) {
    await checkpoints.save(checkpointAt(step));
    expect((await open()).latest?.state.position.step).toBe(step);
  }
  // Steps 3 and 2 are there; the newer one breaks.
  const newest = join(folder, 'a.checkpoint');
  await writeFile(newest, (await readFile(newest)).subarray(0, 100));
  const damaged = await open();
  expect(damaged.latest?.state.position.step).toBe(2);
  expect(damaged.faults).toEqual([expect.stringContaining('a.checkpoint')]);
  // The corrupt one is overwritten, not the valid one.
  await damaged.save(checkpointAt(4));
  expect((await open()).latest?.state.position.step).toBe(4);
  expect((await open()).faults).toEqual([]);

  for (const slot of ['a.checkpoint', 'b.checkpoint']) await writeFile(join(folder, slot), 'x');
  await expect(open()).rejects.toThrow(/no intact checkpoint.*a\.checkpoint.*b\.checkpoint/);
});

it('names the checkpoint that cannot be read or written, and leaves no partial file', async () => {
  const checkpoints = await openCheckpoints(folderStore(folder));
  await checkpoints.save(checkpointAt(1));
  await mkdir(join(folder, 'b.checkpoint'));
  await expect(openCheckpoints(folderStore(folder))).rejects.toThrow(
    /Cannot read checkpoints from/,
  );
  await expect(checkpoints.save(checkpointAt(2))).rejects.toThrow(
    /Cannot write a checkpoint.*continues from the previous/,
  );
  expect((await readdir(folder)).toSorted()).toEqual(['a.checkpoint', 'b.checkpoint']);
  await rm(join(folder, 'b.checkpoint'), { recursive: true });
  await writeFile(join(folder, '.b.checkpoint.1.part'), 'of a process that was killed');
  await checkpoints.save(checkpointAt(2));
  expect((await readdir(folder)).toSorted()).toEqual(['a.checkpoint', 'b.checkpoint']);
});
