import { hash, randomBytes } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import type { Dataset } from '../../../trainer/data/dataset.ts';
import type { Bucket } from '../../../trainer/registry/bucket.ts';
import { collectFeedback } from '../../../trainer/registry/feedback.ts';
import { toJsonBytes } from '../../../trainer/registry/read-json.ts';
import { fixtureDataset } from '../../support/datasets/fixture-dataset.ts';
import { openLocalBucket } from '../../support/s3/local-bucket.ts';

const model = 'fashion-mnist-cnn';
const version = '20261124T101500Z-3fa9c1d2';
let base: Dataset;
beforeAll(async () => {
  base = await fixtureDataset();
});

interface Vote {
  pixels: Uint8Array;
  label: number;
  client?: string;
  /** The day of November 2026. */
  day?: number;
  hour?: number;
}

/** Stores records as the Worker does. */
async function store(bucket: Bucket, votes: Vote[]): Promise<void> {
  for (const { pixels, label, client, day = 24, hour = 12 } of votes) {
    const id = `${version}.${hash('sha256', pixels)}`;
    const date = `2026-11-${day}`;
    const record = {
      schemaVersion: 1,
      id,
      ...(client && { client }),
      model: { name: model, version },
      label: { id: label, label: base.labels[label] },
      height: 28,
      width: 28,
      pixels: Buffer.from(pixels).toString('base64'),
      index: null,
      at: `${date}T${hour}:00:00.000Z`,
    };
    const key = bucket.layout.feedback(model, { date, id, label, client });
    await bucket.put(key, toJsonBytes(record), { contentType: 'application/json' });
  }
}

const noise = () => new Uint8Array(randomBytes(784));
const all = Array.from({ length: 10 }, (_, label) => label);

test('noise that few clients agree on is refused with more than one vote', async () => {
  const bucket = openLocalBucket();
  await store(
    bucket,
    Array.from({ length: 20 }, () => ({ pixels: noise(), label: 3 })),
  );
  const agreed = noise();
  await store(bucket, [
    { pixels: agreed, label: 4, client: 'ada' },
    { pixels: agreed, label: 4, client: 'bob' },
  ]);
  expect(await collectFeedback(bucket, { model, base })).toMatchObject({ images: { count: 21 } });
  const { images, tooFewVotes } = await collectFeedback(bucket, { model, base, minVotes: 2 });
  expect(tooFewVotes).toBe(20);
  expect(images).toMatchObject({ count: 1, labels: Uint8Array.of(4) });
});

test('ten labels from one client, or on one day, do not void a label that others agree on', async () => {
  const bucket = openLocalBucket();
  const [byToken, byDay] = [noise(), noise()];
  await store(bucket, [
    ...all.map((label) => ({ pixels: byToken, label, client: 'mallory', hour: 10 + label })),
    { pixels: byToken, label: 4, client: 'ada' },
    { pixels: byToken, label: 4, client: 'bob' },
    ...all.map((label) => ({ pixels: byDay, label })),
    { pixels: byDay, label: 5, day: 25 },
  ]);
  const { images, conflicts } = await collectFeedback(bucket, { model, base, minVotes: 2 });
  expect(conflicts).toEqual([]);
  expect(Array.from(images.labels).toSorted()).toEqual([4, 5]);
});

test("a client's last label counts, and labels with as many votes are a conflict", async () => {
  const bucket = openLocalBucket();
  const [corrected, disputed] = [noise(), noise()];
  await store(bucket, [
    { pixels: corrected, label: 9, client: 'ada', hour: 11 },
    { pixels: corrected, label: 2, client: 'ada', hour: 12 },
    { pixels: disputed, label: 0, client: 'ada' },
    { pixels: disputed, label: 6, client: 'bob' },
  ]);
  const { images, conflicts } = await collectFeedback(bucket, { model, base });
  expect(images).toMatchObject({ count: 1, labels: Uint8Array.of(2) });
  expect(conflicts).toMatchObject([{ labels: [base.labels[0], base.labels[6]] }]);
});
