import { hash } from 'node:crypto';
import { type FeedbackRecord, feedbackRecordSchema } from '../../shared/registry/feedback.ts';
import { type Dataset, type ImageSet, imageLength } from '../data/dataset.ts';
import { imageIn } from '../data/image-set.ts';
import type { Bucket } from './bucket.ts';
import { mapInBatches } from './map-in-batches.ts';

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
  /** Images whose best label has fewer than `minVotes` votes. They are left out. */
  tooFewVotes: number;
  /** Images with as many votes for one label as for another, or for another label than the training set's. They are left out. */
  conflicts: { sha256: string; labels: string[]; keys: string[] }[];
  /** Objects that are not feedback for this data set, with the reason. */
  refused: { key: string; reason: string }[];
}

/** An image with all labels that clients have sent for it. */
interface AnnotatedImage {
  pixels: Uint8Array;
  /** Label by voter. */
  votes: Map<string, number>;
  keys: string[];
}

interface Annotation {
  pixels: Uint8Array;
  label: number;
  /** The voter, who has one vote. */
  voter: string;
  at: string;
}

export interface CollectOptions {
  /** The model's name. */
  model: string;
  /** The data set that the feedback extends: it has the labels, and the images that are already known. */
  base: Dataset;
  /**
   * How many votes a label needs (default: 1). It needs more than any other label, too.
   *
   * A client with a token has one vote per image, its last. Without tokens clients can't be distinguished, so each label counts once a
   * day. One vote is enough by default, because most images are seen by a single client.
   */
  minVotes?: number;
}

/**
 * Reads the feedback that POST /feedback stored for a model.
 *
 * @throws {StoreError} if the bucket can't be used
 */
export async function collectFeedback(
  bucket: Bucket,
  { model, base, minVotes = 1 }: CollectOptions,
): Promise<CollectedFeedback> {
  const { annotated, ...counts } = await readAnnotations(bucket, model, base);
  const trainingLabels = labelsByHash(base.train);
  const testLabels = labelsByHash(base.test);
  const conflicts: CollectedFeedback['conflicts'] = [];
  const accepted: { pixels: Uint8Array; label: number }[] = [];
  let known = 0;
  let ofTestSet = 0;
  let tooFewVotes = 0;
  for (const [sha256, { pixels, votes, keys }] of annotated) {
    const trainingLabel = trainingLabels.get(sha256);
    const { leading, count } = countVotes(votes);
    const [label] = leading as [number];
    const isDisputed = leading.length > 1 || (trainingLabel ?? label) !== label;
    if (testLabels.has(sha256)) ofTestSet += 1;
    else if (count < minVotes) tooFewVotes += 1;
    else if (isDisputed) {
      const ids = new Set([
        ...votes.values(),
        ...(trainingLabel === undefined ? [] : [trainingLabel]),
      ]);
      conflicts.push({ sha256, labels: Array.from(ids, (id) => base.labels[id] as string), keys });
    } else if (trainingLabel !== undefined) known += 1;
    else accepted.push({ pixels, label });
  }
  const images: ImageSet = {
    images: Buffer.concat(accepted.map(({ pixels }) => pixels)),
    labels: Uint8Array.from(accepted, ({ label }) => label),
    count: accepted.length,
  };
  const { records, repeated, refused } = counts;
  return { images, records, repeated, known, ofTestSet, tooFewVotes, conflicts, refused };
}

/** Reads all records in the order of their times, and groups them by image. */
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
  const parsed: (Annotation & { key: string })[] = [];
  for (const { key, object } of objects) {
    if (object === null) continue;
    const record = parseRecord(object.bytes, base);
    if (typeof record === 'string') refused.push({ key, reason: record });
    else parsed.push({ key, ...record });
  }
  for (const record of parsed.toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at))) {
    records += 1;
    const { key, pixels, label, voter } = record;
    const sha256 = hash('sha256', pixels);
    const image: AnnotatedImage = annotated.get(sha256) ?? { pixels, votes: new Map(), keys: [] };
    if (image.votes.get(voter) === label) repeated += 1;
    image.votes.set(voter, label);
    image.keys.push(key);
    annotated.set(sha256, image);
  }
  return { annotated, refused, records, repeated };
}

/** Returns the labels with the most votes, and how many they have. */
function countVotes(votes: ReadonlyMap<string, number>): { leading: number[]; count: number } {
  const counts = new Map<number, number>();
  for (const label of votes.values()) counts.set(label, (counts.get(label) ?? 0) + 1);
  const count = Math.max(...counts.values());
  const leading = Array.from(counts).filter(([, each]) => each === count);
  return { leading: leading.map(([label]) => label), count };
}

/** @returns the reason if the record can't be used */
function parseRecord(bytes: Uint8Array, base: Dataset): Annotation | string {
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
    pixels.byteLength !== imageLength(base) ||
    !record.id.endsWith(`.${hash('sha256', pixels)}`)
  ) {
    return 'Its pixels do not match its id.';
  }
  const label = base.labels.indexOf(record.label.label);
  if (label < 0) return `The data set has no label ${record.label.label}.`;
  const { client, at } = record;
  const voter = client === undefined ? `${at.slice(0, 10)} ${label}` : `client ${client}`;
  return { pixels, label, voter, at };
}

function labelsByHash(set: ImageSet): Map<string, number> {
  return new Map(Array.from(set.labels, (label, i) => [hash('sha256', imageIn(set, i)), label]));
}
