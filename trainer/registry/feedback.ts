import { createHash } from 'node:crypto';
import { type FeedbackRecord, feedbackRecordSchema } from '../../shared/registry/feedback.ts';
import type { Dataset, ImageSet } from '../data/dataset.ts';
import type { Bucket } from './bucket.ts';

/** What was made of the feedback in a bucket. Images are counted once, however often they were told of. */
export interface CollectedFeedback {
  /** Images with the labels that callers say they have, the newest last. */
  images: ImageSet;
  /** Records that were read. */
  records: number;
  /** Records that say what another one said of the same image. */
  repeated: number;
  /** Images that the training set has already, under the same label. */
  known: number;
  /** Images of the test set: a model that was trained on them could no longer be measured. */
  ofTestSet: number;
  /** Images of which callers, or the training set, say different labels. They are left out. */
  conflicts: { sha256: string; labels: string[]; keys: string[] }[];
  /** Objects that are no feedback for this data set, and why. */
  refused: { key: string; reason: string }[];
}

/** Requests that are under way at a time. */
const lanes = 16;

/**
 * Reads what POST /feedback stored for a model.
 *
 * @param model the model's name
 * @param base the data set that the feedback is for: its labels, and which images it has already
 * @throws {BucketError} where the bucket can't be used
 */
export async function collectFeedback(
  bucket: Bucket,
  model: string,
  base: Dataset,
): Promise<CollectedFeedback> {
  const keys = (await bucket.list(bucket.layout.feedbacks(model))).map(({ key }) => key);
  const refused: CollectedFeedback['refused'] = [];
  const told = new Map<string, Told>();
  let records = 0;
  let repeated = 0;
  for (const { key, bytes } of await readAll(bucket, keys)) {
    const record = parseRecord(bytes, base);
    if (typeof record === 'string') {
      refused.push({ key, reason: record });
      continue;
    }
    records += 1;
    const { pixels, label } = record;
    const sha256 = hashOf(pixels);
    const before = told.get(sha256) ?? { pixels, labels: new Set<number>(), keys: [] };
    if (before.labels.has(label)) repeated += 1;
    before.labels.add(label);
    before.keys.push(key);
    told.set(sha256, before);
  }

  const trainedOn = labelsByHash(base, base.train);
  const testedOn = labelsByHash(base, base.test);
  const conflicts: CollectedFeedback['conflicts'] = [];
  const taken: { pixels: Uint8Array; label: number }[] = [];
  let known = 0;
  let ofTestSet = 0;
  for (const [sha256, { pixels, labels, keys: from }] of told) {
    const inTraining = trainedOn.get(sha256);
    const all = new Set([...labels, ...(inTraining === undefined ? [] : [inTraining])]);
    if (testedOn.has(sha256)) ofTestSet += 1;
    else if (all.size > 1) {
      const named = Array.from(all, (id) => base.labels[id] as string);
      conflicts.push({ sha256, labels: named, keys: from });
    } else if (inTraining !== undefined) known += 1;
    else taken.push({ pixels, label: [...labels][0] as number });
  }
  const images: ImageSet = {
    images: Buffer.concat(taken.map(({ pixels }) => pixels)),
    labels: Uint8Array.from(taken, ({ label }) => label),
    count: taken.length,
  };
  return { images, records, repeated, known, ofTestSet, conflicts, refused };
}

interface Told {
  pixels: Uint8Array;
  labels: Set<number>;
  keys: string[];
}

/** In the keys' order, which is that of the days. */
async function readAll(bucket: Bucket, keys: string[]) {
  const objects: { key: string; bytes: Uint8Array }[] = [];
  for (let first = 0; first < keys.length; first += lanes) {
    const part = await Promise.all(
      keys.slice(first, first + lanes).map(async (key) => ({ key, object: await bucket.get(key) })),
    );
    for (const { key, object } of part) if (object) objects.push({ key, bytes: object.bytes });
  }
  return objects;
}

/** @returns why it can't be used, where it can't */
function parseRecord(
  bytes: Uint8Array,
  base: Dataset,
): { pixels: Uint8Array; label: number } | string {
  let record: FeedbackRecord;
  try {
    record = feedbackRecordSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (error) {
    return `It is no feedback: ${(error as Error).message}`;
  }
  const pixels = Buffer.from(record.pixels, 'base64');
  if (record.height !== base.height || record.width !== base.width) {
    return `It is ${record.height}x${record.width}, the data set ${base.height}x${base.width}.`;
  }
  if (pixels.byteLength !== base.height * base.width || !record.id.endsWith(`.${hashOf(pixels)}`)) {
    return 'Its pixels are not those that its id is of.';
  }
  const label = base.labels.indexOf(record.label.label);
  return label < 0 ? `The data set has no label ${record.label.label}.` : { pixels, label };
}

function labelsByHash({ height, width }: Dataset, set: ImageSet): Map<string, number> {
  const size = height * width;
  return new Map(
    Array.from(set.labels, (label, i) => [
      hashOf(set.images.subarray(i * size, (i + 1) * size)),
      label,
    ]),
  );
}

const hashOf = (pixels: Uint8Array) => createHash('sha256').update(pixels).digest('hex');
