import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluationSchema } from '../../../shared/registry/evaluation.ts';
import type { ImageSet } from '../../../trainer/data/dataset.ts';
import { readRun } from '../../../trainer/run/read-run.ts';
import { createRunFolder, openRunFolder } from '../../../trainer/run/run-folder.ts';
import {
  type RunEpoch,
  runEpochSchema,
  testPredictions,
} from '../../../trainer/run/run-records.ts';
import { computeMetrics } from '../../../trainer/train/metrics.ts';
import { firstTestImages } from '../../support/datasets/test-images.ts';
import { trainedModel } from '../../support/models/trained-model.ts';

let runs: string;
let test: ImageSet;
let models: Awaited<ReturnType<typeof trainedModel>>[];

beforeAll(async () => {
  runs = await mkdtemp(join(tmpdir(), 'catwalk-runs-'));
  test = await firstTestImages();
  models = [await trainedModel(1, 0.9), await trainedModel(2, 0.9), await trainedModel(3, 0.9)];
});
afterAll(() => rm(runs, { recursive: true }));

const modelOf = (epoch: number) => models[epoch - 1] as (typeof models)[number];

/** An epoch whose model predicts a bag for every image, with more confidence in later epochs. */
function finishedEpoch(epoch: number, validationAccuracy?: number, images?: number) {
  const { spec, artifacts } = modelOf(epoch);
  const logits = Float32Array.from({ length: 1000 }, (_, i) => (i % 10 === 8 ? epoch : 0));
  const validation =
    validationAccuracy === undefined
      ? {}
      : { validation: { accuracy: validationAccuracy, loss: 0.5, images } };
  const measured = {
    ...computeMetrics(logits, test.labels, spec.labels),
    ...testPredictions(logits, test.labels),
    epoch,
    seconds: epoch * 10,
    imagesPerSecond: 1000,
    trainLoss: 2 / epoch,
    ...validation,
  };
  return [measured, artifacts] as const;
}

async function startRun(minute: number) {
  const { spec, dataset, training } = modelOf(1);
  const startedAt = new Date(Date.UTC(2026, 10, 24, 12, minute));
  return createRunFolder(runs, { ...training, seed: 7, spec, dataset }, startedAt);
}

async function readRecords(path: string): Promise<RunEpoch[]> {
  const text = await readFile(join(path, 'metrics.jsonl'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => runEpochSchema.parse(JSON.parse(line)));
}

async function weightsHash(path: string, folder: string): Promise<string> {
  const bytes = await readFile(join(path, folder, 'weights.bin'));
  return createHash('sha256').update(bytes).digest('hex');
}

describe('a run folder', () => {
  it('records each epoch in metrics.jsonl, and keeps the newest model', async () => {
    const run = await startRun(0);
    expect(run.path).toContain('20261124T120000Z');
    for (const epoch of [1, 2]) await run.writeEpoch(...finishedEpoch(epoch));
    const records = await readRecords(run.path);
    expect(records.map(({ epoch, trainLoss }) => [epoch, trainLoss])).toEqual([
      [1, 2],
      [2, 1],
    ]);
    const hash = records[1]?.weightsSha256;
    expect(hash).not.toBe(records[0]?.weightsSha256);
    expect(await weightsHash(run.path, 'model')).toBe(hash);
    expect(await weightsHash(run.path, 'model/last')).toBe(hash);
    const config = JSON.parse(await readFile(join(run.path, 'config.json'), 'utf8'));
    expect(config.seed).toBe(7);
    expect(
      (await readdir(run.path, { recursive: true })).filter((f) => f.includes('.part')),
    ).toEqual([]);
  });

  it('keeps the best epoch by validation beside the last one', async () => {
    const run = await startRun(1);
    for (const [epoch, accuracy] of [
      [1, 0.8],
      [2, 0.9],
      [3, 0.9],
    ] as const) {
      await run.writeEpoch(...finishedEpoch(epoch, accuracy));
    }
    const records = await readRecords(run.path);
    expect(await weightsHash(run.path, 'model')).toBe(records[1]?.weightsSha256);
    expect(await weightsHash(run.path, 'model/last')).toBe(records[2]?.weightsSha256);
  });

  it('keeps the latest of the epochs that so few validation images cannot tell from the best', async () => {
    const run = await startRun(9);
    // The standard error of 90 % on 100 images is 3 %.
    for (const [epoch, accuracy] of [
      [1, 0.9],
      [2, 0.88],
      [3, 0.86],
    ] as const) {
      await run.writeEpoch(...finishedEpoch(epoch, accuracy, 100));
    }
    const records = await readRecords(run.path);
    expect(await weightsHash(run.path, 'model')).toBe(records[1]?.weightsSha256);
  });

  it('resumes after the last epoch', async () => {
    const run = await startRun(2);
    await run.writeEpoch(...finishedEpoch(1, 0.9));
    const before = await readRecords(run.path);
    const again = openRunFolder(run.path, run.config, before);
    await again.writeEpoch(...finishedEpoch(2, 0.8));
    const records = await readRecords(run.path);
    expect(records.map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect(await weightsHash(run.path, 'model')).toBe(records[0]?.weightsSha256);
  });

  it('stores the predictions for all test images beside the weights', async () => {
    const run = await startRun(4);
    const logits = Float32Array.from({ length: 1000 }, (_, i) => (i % 10 === 8 ? 2 : 0));
    await run.writeEpoch(...finishedEpoch(1), { logits, actual: test.labels });
    const { files, evaluation } = await readRun(run.path);
    const read = evaluationSchema.parse(JSON.parse(new TextDecoder().decode(evaluation)));
    expect(read.weightsSha256).toBe(await weightsHash(run.path, 'model'));
    expect(read.images).toBe(100);
    expect(Buffer.from(read.actual, 'base64')).toEqual(Buffer.from(test.labels));
    expect(Buffer.from(read.predicted, 'base64')).toEqual(Buffer.alloc(100, 8));
    const probability = Buffer.from(read.probability, 'base64');
    expect(probability.readUInt16LE(198) / 65535).toBeCloseTo(Math.E ** 2 / (Math.E ** 2 + 9), 4);

    // Weights of another epoch, beside predictions of older weights.
    await run.writeEpoch(...finishedEpoch(2));
    const next = await readRun(run.path);
    expect(next.files).not.toEqual(files);
    expect(next.evaluation).toBeUndefined();
    expect(next.training.history).toMatchObject([
      { epoch: 1, trainLoss: 2, seconds: 10 },
      { epoch: 2, trainLoss: 1, seconds: 20 },
    ]);
  });

  it('records the most confident mistakes and the same samples in each epoch', async () => {
    const run = await startRun(3);
    await run.writeEpoch(...finishedEpoch(3));
    const [record] = await readRecords(run.path);
    const bags = Math.exp(3) / (Math.exp(3) + 9);
    // The first images that are not bags: an ankle boot, a pullover.
    expect(record?.mistakes).toHaveLength(12);
    expect(record?.mistakes[0]).toMatchObject({ index: 0, actual: 9, predicted: 8 });
    expect(record?.mistakes[1]).toMatchObject({ index: 1, actual: 2, predicted: 8 });
    expect(record?.mistakes[0]?.probability).toBeCloseTo(bags, 6);
    expect(record?.samples.map(({ index }) => index)).toEqual(
      Array.from({ length: 20 }, (_, i) => 5 * i),
    );
  });
});
