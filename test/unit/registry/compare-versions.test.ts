import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { argMax, normalizePixels } from '../../../shared/model/predict.ts';
import type { Dataset } from '../../../trainer/data/dataset.ts';
import type { Bucket } from '../../../trainer/registry/bucket.ts';
import { type AliasMove, describeMove, moveAlias } from '../../../trainer/registry/move-alias.ts';
import {
  publishVersion,
  type VersionToPublish,
} from '../../../trainer/registry/publish-version.ts';
import { describeTestSet, storeTestSet } from '../../../trainer/registry/test-set.ts';
import { fixtureDataset } from '../../support/datasets/fixture-dataset.ts';
import { type TrainedModel, trainedModel } from '../../support/models/trained-model.ts';
import { openLocalBucket } from '../../support/s3/local-bucket.ts';

const name = 'fashion-mnist-cnn';
let first: TrainedModel;
let second: TrainedModel;
let hundred: Dataset;
let fifty: Dataset;

beforeAll(async () => {
  first = await trainedModel(1, 0.9);
  second = await trainedModel(2, 0.5);
  hundred = await fixtureDataset();
  const { images, labels } = hundred.test;
  const test = { images: images.subarray(0, 50 * 784), labels: labels.subarray(0, 50), count: 50 };
  fifty = { ...hundred, test };
});

let minute = 0;

async function publish(bucket: Bucket, version: VersionToPublish, dataset: Dataset) {
  const files = describeTestSet(dataset).info.files.map(({ path, sha256 }) => [path, sha256]);
  return publishVersion(bucket, {
    ...version,
    dataset: { name: dataset.name, files: Object.fromEntries(files) },
    now: new Date(Date.UTC(2026, 10, 24, 12, minute++)),
  });
}

const move = (bucket: Bucket, { version }: { version: string }, changes: Partial<AliasMove> = {}) =>
  moveAlias(bucket, {
    name,
    alias: 'production',
    version,
    action: 'publish',
    by: 'ada@test',
    ...changes,
  });

/** Computes the accuracy with TensorFlow.js's own model. */
async function accuracyOf({ model, spec }: TrainedModel, { test, labels }: Dataset) {
  await tf.setBackend('cpu');
  const input = normalizePixels(test.images, spec.preprocessing);
  const logits = tf.tidy(() => {
    const output = model.predict(tf.tensor(input, [test.count, 28, 28, 1])) as tf.Tensor2D;
    return output.arraySync();
  });
  const right = logits.filter(
    (row, i) => spec.labels[argMax(row)] === labels[test.labels[i] as number],
  );
  return right.length / test.count;
}

describe('versions that were tested on different sets', () => {
  test('are both measured on the later one, whatever was recorded', async () => {
    const bucket = openLocalBucket();
    // The recorded accuracies are wrong for it.
    const current = await publish(bucket, first, fifty);
    await move(bucket, current);
    await storeTestSet(bucket, hundred);
    const next = await publish(bucket, second, hundred);
    const accuracies = {
      currentAccuracy: await accuracyOf(first, hundred),
      newAccuracy: await accuracyOf(second, hundred),
    };
    const kept = await move(bucket, next, { margin: 1 });
    expect(kept).toMatchObject({ outcome: 'kept', reason: 'less-accurate', measured: true });
    expect(kept).toMatchObject(accuracies);
    expect(describeMove('production', kept)).toMatch(
      /which has \d+\.00 %, this one \d+\.00 %, both measured on the later test set; it must be better by 100\.00 % \(--force moves it\)$/,
    );
    const isBetter = accuracies.newAccuracy >= accuracies.currentAccuracy;
    expect((await move(bucket, next)).outcome).toBe(isBetter ? 'moved' : 'kept');
  });

  test('are compared by the names of the labels: what a model does not know counts as wrong', async () => {
    const bucket = openLocalBucket();
    const labels = first.spec.labels.map((label, id) => (id < 5 ? label : `old ${label}`));
    const older = { ...first, spec: { ...first.spec, labels } };
    await move(bucket, await publish(bucket, older, fifty));
    await storeTestSet(bucket, hundred);
    const next = await publish(bucket, first, hundred);
    expect(await move(bucket, next, { margin: 1 })).toMatchObject({
      currentAccuracy: await accuracyOf(older, hundred),
      newAccuracy: await accuracyOf(first, hundred),
    });
  });

  test('are measured if only the names of their labels differ', async () => {
    const bucket = openLocalBucket();
    await move(bucket, await publish(bucket, second, hundred));
    const labels = first.spec.labels.toReversed();
    const renamed = { ...first, spec: { ...first.spec, labels } };
    const next = await publish(bucket, renamed, hundred);
    // Recorded are 50 % and 90 %. Without the test set with those labels, nothing says what the second is worth.
    expect(await move(bucket, next)).toMatchObject({ outcome: 'kept', reason: 'other-dataset' });
    const reversed = { ...hundred, labels };
    await storeTestSet(bucket, reversed);
    expect(await move(bucket, next, { margin: 1 })).toMatchObject({
      outcome: 'kept',
      measured: true,
      currentAccuracy: await accuracyOf(second, reversed),
      newAccuracy: await accuracyOf(renamed, reversed),
    });
  });

  test('stay uncompared if the bucket lacks the later test set, and the reason says so', async () => {
    const bucket = openLocalBucket();
    await move(bucket, await publish(bucket, first, fifty));
    const kept = await move(bucket, await publish(bucket, second, hundred));
    expect(kept).toMatchObject({ outcome: 'kept', reason: 'other-dataset', measured: false });
    expect(describeMove('production', kept)).toContain('the bucket lacks the later test set');
  });
});

describe('the margin', () => {
  test.each<[string, number, Partial<AliasMove>, string]>([
    ['of 1 %, reached', 0.91, { margin: 0.01 }, 'moved'],
    ['of 1 %, missed', 0.909, { margin: 0.01 }, 'kept'],
    ['of 0', 0.9, {}, 'moved'],
    ['of 1 % with a tolerance of 2 %', 0.89, { margin: 0.01, tolerance: 0.02 }, 'moved'],
  ])('%s', async (_, accuracy, gate, outcome) => {
    const bucket = openLocalBucket();
    await move(bucket, await publish(bucket, first, hundred));
    const metrics = { ...second.metrics, accuracy };
    const next = await publish(bucket, { ...second, metrics }, hundred);
    expect(await move(bucket, next, gate)).toMatchObject({ outcome });
  });
});

describe('--compare-on validation', () => {
  const validated = (version: VersionToPublish, validationAccuracy: number, settings: object) => ({
    ...version,
    training: {
      ...version.training,
      validation: 5000,
      seed: 1,
      history: [
        { epoch: 1, accuracy: 0.1, loss: 1, seconds: 1, validationAccuracy },
        { epoch: 2, accuracy: 0.1, loss: 1, seconds: 1, validationAccuracy: 1 },
      ],
      ...settings,
    },
  });

  // The test accuracies are 0.9 and 0.5.
  test.each<[string, number, object, Partial<AliasMove>, object]>([
    ['moves by the validation accuracy', 0.81, {}, {}, { outcome: 'moved' }],
    [
      'keeps one that is worse',
      0.79,
      {},
      {},
      { outcome: 'kept', reason: 'less-accurate', currentAccuracy: 0.8, newAccuracy: 0.79 },
    ],
    ['has a margin', 0.81, {}, { margin: 0.02 }, { outcome: 'kept', reason: 'less-accurate' }],
    [
      'keeps one with another number of validation images',
      0.9,
      { validation: 1000 },
      {},
      { outcome: 'kept', reason: 'other-dataset' },
    ],
    [
      'keeps one whose validation images were drawn with another seed',
      0.9,
      { seed: 2 },
      {},
      { outcome: 'kept', reason: 'other-dataset' },
    ],
    [
      'keeps one without validation images',
      0.9,
      { history: undefined },
      {},
      { outcome: 'kept', reason: 'other-dataset' },
    ],
  ])('%s', async (_, accuracy, settings, gate, result) => {
    const bucket = openLocalBucket();
    await move(bucket, await publish(bucket, validated(first, 0.8, {}), hundred));
    const next = await publish(bucket, validated(second, accuracy, settings), hundred);
    expect(await move(bucket, next, { compareOn: 'validation', ...gate })).toMatchObject(result);
  });
});
