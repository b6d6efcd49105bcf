import { beforeAll, expect, test } from 'vitest';
import type { Dataset } from '../../../trainer/data/dataset.ts';
import type { Bucket } from '../../../trainer/registry/bucket.ts';
import { type AliasMove, moveAlias, rollBack } from '../../../trainer/registry/move-alias.ts';
import {
  publishVersion,
  type VersionToPublish,
} from '../../../trainer/registry/publish-version.ts';
import { describeTestSet, storeTestSet } from '../../../trainer/registry/test-set.ts';
import { fixtureDataset } from '../../support/datasets/fixture-dataset.ts';
import { trainedModel } from '../../support/models/trained-model.ts';
import { openLocalBucket } from '../../support/s3/local-bucket.ts';

const name = 'fashion-mnist-cnn';
const by = 'ada@test';
let model: VersionToPublish;
let hundred: Dataset;
/** Another test set under the same name: half of the images. */
let fifty: Dataset;

beforeAll(async () => {
  model = await trainedModel(1, 0.9);
  hundred = await fixtureDataset();
  const { images, labels } = hundred.test;
  const test = { images: images.subarray(0, 50 * 784), labels: labels.subarray(0, 50), count: 50 };
  fifty = { ...hundred, test };
});

/** Stores a data set's test set and publishes a version that was measured on it. */
async function publish(bucket: Bucket, dataset: Dataset, seconds = 0) {
  await storeTestSet(bucket, dataset);
  const files = describeTestSet(dataset).info.files.map(({ path, sha256 }) => [path, sha256]);
  const { version } = await publishVersion(bucket, {
    ...model,
    dataset: { name: dataset.name, files: Object.fromEntries(files) },
    now: new Date(Date.UTC(2026, 10, 24, 12, 0, seconds)),
  });
  return version;
}

const move = (bucket: Bucket, version: string, changes: Partial<AliasMove> = {}) =>
  moveAlias(bucket, { name, alias: 'production', version, action: 'publish', by, ...changes });

/** @returns the number of images in the served test set, or null if there is none */
async function served(bucket: Bucket): Promise<number | null> {
  const object = await bucket.get(bucket.layout.datasetFile('fashion-mnist', 'dataset.json'));
  return object && JSON.parse(Buffer.from(object.bytes).toString()).images;
}

test('a test set is served with the first version that an alias names', async () => {
  const bucket = openLocalBucket();
  const version = await publish(bucket, hundred);
  expect(await served(bucket)).toBeNull();
  await move(bucket, version, { alias: 'candidate' });
  expect(await served(bucket)).toBe(100);
});

test('a refused version leaves the served test set as it is, and a forced one or a rollback moves it', async () => {
  const bucket = openLocalBucket();
  await move(bucket, await publish(bucket, hundred));
  const other = await publish(bucket, fifty, 1);
  const refused = await move(bucket, other, { margin: 0.5 });
  expect(refused).toMatchObject({ outcome: 'kept', reason: 'less-accurate', measured: true });
  expect(await served(bucket)).toBe(100);
  const force = { force: true, reason: 'a new test set' };
  await move(bucket, other, force);
  expect(await served(bucket)).toBe(50);
  await rollBack(bucket, { name, alias: 'production', by });
  expect(await served(bucket)).toBe(100);
});

test('another alias changes nothing that production serves', async () => {
  const bucket = openLocalBucket();
  await move(bucket, await publish(bucket, hundred));
  const other = await publish(bucket, fifty, 1);
  expect(await move(bucket, other, { alias: 'candidate' })).toMatchObject({ outcome: 'moved' });
  expect(await served(bucket)).toBe(100);
});

test('a move that was interrupted before the test set is completed by the next one', async () => {
  const bucket = openLocalBucket();
  const key = bucket.layout.datasetFile('fashion-mnist', 'dataset.json');
  const version = await publish(bucket, hundred);
  const failing: Bucket = {
    ...bucket,
    putIfAbsent: (each, ...rest) =>
      each === key ? Promise.reject(new Error('killed')) : bucket.putIfAbsent(each, ...rest),
  };
  await expect(move(failing, version)).rejects.toThrow('killed');
  expect(await move(bucket, version)).toMatchObject({ outcome: 'unchanged' });
  expect(await served(bucket)).toBe(100);
});
