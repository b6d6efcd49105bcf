import { hash } from 'node:crypto';
import { type FeedbackRecord, feedbackRecordSchema } from '../../shared/registry/feedback.ts';
import type { Dataset, ImageSet } from '../data/dataset.ts';
import type { Bucket } from './bucket.ts';
import { mapInBatches } from './read-json.ts';

/** The feedback in a bucket, each image counted once. */
export interface CollectedFeedback {
  /** Images with the labels that clients have sent, the newest last. */
  images: ImageSet;
  /** Number of records that were read. */
  records: number;
  /** Records that repeat another one's label for the same image. */
  repeated: number;
  /** Images that the training set already contains with the same label. */
  known: number;
  /** Images of the test set, which are left out: training on them would make its accuracy meaningless. */
  ofTestSet: number;
  /** Images for which clients, or a client and the training set, disagree. They are left out. */
  conflicts: { sha256: string; labels: string[]; keys: string[] }[];
  /** Objects that are not feedback for this data set, with the reason. */
  refused: { key: string; reason: string }[];
}

/** An image with all labels that clients have sent for it. */
interface AnnotatedImage {
  pixels: Uint8Array;
  labels: Set<number>;
  keys: string[];
}

/**
 * Reads the feedback that POST /feedback stored for a model.
 *
 * @param model the model's name
 * @param base the data set that the feedback extends: it has the labels, and the images that are already known
 * @throws {StoreError} if the bucket can't be used
 */
export async function collectFeedback(
  bucket: Bucket,
  model: string,
  base: Dataset,
): Promise<CollectedFeedback> {
  const { annotated, ...counts } = await readAnnotations(bucket, model, base);
  const trainingLabels = labelsByHash(base, base.train);
  const testLabels = labelsByHash(base, base.test);
  const conflicts: CollectedFeedback['conflicts'] = [];
  const accepted: { pixels: Uint8Array; label: number }[] = [];
  let known = 0;
  let ofTestSet = 0;
  for (const [sha256, { pixels, labels, keys }] of annotated) {
    const trainingLabel = trainingLabels.get(sha256);
    const all = Array.from(labels);
    if (trainingLabel !== undefined && !labels.has(trainingLabel)) all.push(trainingLabel);
    if (testLabels.has(sha256)) ofTestSet += 1;
    else if (all.length > 1) {
      conflicts.push({ sha256, labels: all.map((id) => base.labels[id] as string), keys });
    } else if (trainingLabel !== undefined) known += 1;
    else accepted.push({ pixels, label: all[0] as number });
  }
  const images: ImageSet = {
    images: Buffer.concat(accepted.map(({ pixels }) => pixels)),
    labels: Uint8Array.from(accepted, ({ label }) => label),
    count: accepted.length,
  };
  const { records, repeated, refused } = counts;
  return { images, records, repeated, known, ofTestSet, conflicts, refused };
}

/** Reads all records in the order of their keys, which is that of the days, and groups them by image. */
async function readAnnotations(bucket: Bucket, model: string, base: Dataset) {
  const listed = await bucket.listAll(bucket.layout.feedbacks(model));
  const objects = await mapInBatches(listed, 16, async ({ key }) => ({
    key,
    object: await bucket.get(key),
  }));
  const annotated = new Map<string, AnnotatedImage>();
  const refused: CollectedFeedback['refused'] = [];
  let records = 0;
  let repeated = 0;
  for (const { key, object } of objects) {
    if (object === null) continue;
    const record = parseRecord(object.bytes, base);
    if (typeof record === 'string') {
      refused.push({ key, reason: record });
      continue;
    }
    records += 1;
    const { pixels, label } = record;
    const sha256 = hash('sha256', pixels);
    const image = annotated.get(sha256) ?? { pixels, labels: new Set(), keys: [] };
    if (image.labels.has(label)) repeated += 1;
    image.labels.add(label);
    image.keys.push(key);
    annotated.set(sha256, image);
  }
  return { annotated, refused, records, repeated };
}

/** @returns the reason if the record can't be used */
function parseRecord(
  bytes: Uint8Array,
  base: Dataset,
): { pixels: Uint8Array; label: number } | string {
  let record: FeedbackRecord;
  try {
    record = feedbackRecordSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (error) {
    return `It is not a feedback record: ${(error as Error).message}`;
  }
  const pixels = Buffer.from(record.pixels, 'base64');
  if (record.height !== base.height || record.width !== base.width) {
    return `Its image is ${record.height}x${record.width}, but the data set's are ${base.height}x${base.width}.`;
  }
  if (
    pixels.byteLength !== base.height * base.width ||
    !record.id.endsWith(`.${hash('sha256', pixels)}`)
  ) {
    return 'Its pixels do not match its id.';
  }
  const label = base.labels.indexOf(record.label.label);
  return label < 0 ? `The data set has no label ${record.label.label}.` : { pixels, label };
}

function labelsByHash({ height, width }: Dataset, set: ImageSet): Map<string, number> {
  const size = height * width;
  return new Map(
    Array.from(set.labels, (label, i) => [
      hash('sha256', set.images.subarray(i * size, (i + 1) * size)),
      label,
    ]),
  );
}
