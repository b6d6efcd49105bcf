/** Reads and writes data sets as folders of four IDX files with MNIST's names. */
import { createHash, hash } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { readRegularFile, writeAtomically } from '../../node/files.ts';
import { parseIdx } from '../../shared/idx.ts';
import type { Channels } from '../../shared/model/model-spec.ts';
import { backgroundOfImages } from './background.ts';
import {
  checkLabels,
  type Dataset,
  type ImageSet,
  type ImageShape,
  InvalidDatasetError,
  maxSide,
  messageOf,
  minSide,
  type PictureOptions,
} from './dataset.ts';
import { readIdxFile } from './idx-files.ts';
import { scaleOfImages } from './image-scale.ts';
import { imagesBetween } from './image-set.ts';
import { type DatasetPart, datasetName, idxFileNames, knownBackground } from './known-datasets.ts';
import { isGzip, parseDataset } from './parse-dataset.ts';

const unpack = promisify(gunzip);

/** 256 labels of 4 kB. */
const maxLabelBytes = 2 ** 20;
/** A million images of 28x28. */
const maxBytes = 28 * 28 * 1_000_000;

export interface IdxFolderOptions extends Omit<PictureOptions, 'colour' | 'size'> {
  /** The number of the first label, such as 1 for EMNIST's letters (default: 0). */
  labelOffset?: number | undefined;
}

/**
 * Loads a data set of four IDX files, each compressed with gzip or not. Images are grey, [images, height, width], or in colour,
 * [images, height, width, 3]. The label names are the lines of labels.txt, or the numbers if there is no such file.
 *
 * @param folder absolute
 * @throws {InvalidDatasetError} that names the invalid file
 */
export async function loadIdxFolder(
  folder: string,
  { fit = 'contain', background, labelOffset }: IdxFolderOptions,
): Promise<Dataset> {
  const contents = {} as Record<DatasetPart, Uint8Array>;
  for (const [part, name] of Object.entries(idxFileNames)) {
    contents[part as DatasetPart] = await readFile(folder, name, part.endsWith('Images'));
  }
  const names = await readLabels(folder);
  if (labelOffset === undefined) checkFirstLabel(folder, contents.trainLabels, names);
  for (const part of ['trainLabels', 'testLabels'] as const) {
    contents[part] = subtractOffset(folder, contents[part], labelOffset ?? 0);
  }
  const labels = names ?? numbersOf(contents.trainLabels, labelOffset ?? 0);
  const files = Object.fromEntries(
    Object.entries(contents).map(([part, bytes]) => [
      idxFileNames[part as DatasetPart],
      hash('sha256', bytes),
    ]),
  );
  const shape = { ...shapeIn(folder, contents.trainImages), labels };
  let sets: Pick<Dataset, 'train' | 'test'>;
  try {
    sets = parseDataset(shape, contents);
  } catch (cause) {
    throw new InvalidDatasetError(`${folder} is not a data set: ${messageOf(cause)}`, { cause });
  }
  checkLabels(folder, { labels, ...sets });
  const name = datasetName(folder);
  const usual = shape.channels === 3 ? { kind: 'keep' as const } : knownBackground(name);
  const pictures = {
    fit,
    background: background ?? usual ?? backgroundOfImages(shape, sets.train),
    ...(shape.channels === 3 && { scale: scaleOfImages(sets.train, shape.channels) }),
  };
  const loaded = { name, ...shape, ...pictures, ...sets, files, origin: folder, source: folder };
  return labelOffset === undefined ? loaded : { ...loaded, labelOffset };
}

/** @throws {InvalidDatasetError} if no network takes images of this size */
function shapeIn(folder: string, imageFile: Uint8Array): ImageShape & { channels: Channels } {
  const { dimensions } = parseIdx(imageFile, dimensionsIn(imageFile));
  const [, height = 0, width = 0, channels = 1] = dimensions;
  const isUsable = [height, width].every((side) => side >= minSide && side <= maxSide);
  if (isUsable && (channels === 1 || channels === 3)) return { height, width, channels };
  throw new InvalidDatasetError(
    `The images in ${folder} are ${dimensions.slice(1).join('x')}. Networks take grey images, or those of 3 channels, of ${minSide} to ${maxSide} pixels a side.`,
  );
}

/** 3 for grey images and 4 for those with channels: the last byte of the magic number. */
const dimensionsIn = (imageFile: Uint8Array) => (imageFile[3] === 4 ? 4 : 3);

async function readFile(folder: string, name: string, isImages: boolean): Promise<Uint8Array> {
  const { path, bytes } = await readIdxFile(folder, name).catch((cause: unknown) => {
    throw new InvalidDatasetError(messageOf(cause), { cause });
  });
  try {
    const content = isGzip(bytes) ? await unpack(bytes, { maxOutputLength: maxBytes }) : bytes;
    parseIdx(content, isImages ? dimensionsIn(content) : 1);
    return content;
  } catch (cause) {
    throw new InvalidDatasetError(`${path} is not a complete IDX file: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** @throws {InvalidDatasetError} if no image has label 0, unless it is the first of more names than there are numbers */
function checkFirstLabel(folder: string, trainLabels: Uint8Array, names: string[] | null): void {
  const { values } = parseIdx(trainLabels, 1);
  const first = values.reduce((min, id) => Math.min(min, id), 255);
  const last = values.reduce((max, id) => Math.max(max, id), 0);
  if (values.length === 0 || first === 0 || (names && names.length > last)) return;
  throw new InvalidDatasetError(
    `The labels of ${folder} are ${first} to ${last}, as those of EMNIST's letters are 1 to 26. Name the first with --label-offset ${first}.`,
  );
}

/** Returns the label file with labels that start at 0. */
function subtractOffset(folder: string, labelFile: Uint8Array, offset: number): Uint8Array {
  if (offset === 0) return labelFile;
  const { dimensions, values } = parseIdx(labelFile, 1);
  const wrong = values.findIndex((id) => id < offset);
  if (wrong >= 0) {
    throw new InvalidDatasetError(
      `A label in ${folder} is ${values[wrong]}, that of image ${wrong}, but --label-offset says that the first is ${offset}.`,
    );
  }
  return idxFile(
    dimensions,
    values.map((id) => id - offset),
  );
}

async function readLabels(folder: string): Promise<string[] | null> {
  const path = join(folder, 'labels.txt');
  const bytes = await readRegularFile(path, maxLabelBytes).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return null;
    throw new InvalidDatasetError(`${path} can't be read: ${cause.message}`, { cause });
  });
  if (bytes === null) return null;
  const labels = bytes
    .toString()
    .trimEnd()
    .split(/\r?\n/)
    .map((line) => line.trim());
  const wrong = labels.findIndex((label, i) => label === '' || labels.indexOf(label) !== i);
  if (wrong < 0) return labels;
  throw new InvalidDatasetError(
    `${path}:${wrong + 1} is empty or repeats a label. Write one different label on each line.`,
  );
}

function numbersOf(labelFile: Uint8Array, offset: number): string[] {
  const max = parseIdx(labelFile, 1).values.reduce((max, id) => Math.max(max, id), 0);
  return Array.from({ length: max + 1 }, (_, id) => String(id + offset));
}

/** Encodes images as an IDX file. Those in colour have a dimension more. */
export const imageFile = (shape: ImageShape, set: ImageSet): Uint8Array =>
  idxFile(dimensionsOf(shape, set), imagesBetween(set, 0, set.count));

/** Images of a file that are read at once. */
const imagesAtOnce = 100;

/** Returns the SHA-256 of the images as an IDX file. */
export function hashOfImageFile(shape: ImageShape, set: ImageSet): string {
  const sum = createHash('sha256').update(idxFile(dimensionsOf(shape, set), new Uint8Array()));
  for (let from = 0; from < set.count; from += imagesAtOnce) {
    sum.update(imagesBetween(set, from, Math.min(from + imagesAtOnce, set.count)));
  }
  return sum.digest('hex');
}

function dimensionsOf({ height, width, channels = 1 }: ImageShape, { count }: ImageSet): number[] {
  return [count, height, width, ...(channels === 1 ? [] : [channels])];
}

/** Encodes unsigned bytes as an IDX file; shared/idx.ts reads it. */
export function idxFile(dimensions: number[], values: Uint8Array): Uint8Array {
  const header = Buffer.alloc(4 + 4 * dimensions.length);
  header.writeUInt32BE(0x0800 + dimensions.length, 0);
  dimensions.forEach((size, i) => {
    header.writeUInt32BE(size, 4 + 4 * i);
  });
  return Buffer.concat([header, values]);
}

/**
 * Writes an IDX folder for `--dataset`. The feedback comes before the base's training images, so that `--limit` includes it.
 * The test set is the base's, so that models stay comparable.
 */
export async function writeTrainingSet(
  folder: string,
  base: Dataset,
  feedback: ImageSet,
  signal?: AbortSignal,
): Promise<void> {
  const { labels, train, test } = base;
  const count = feedback.count + train.count;
  const images = Buffer.concat([feedback.images, imagesBetween(train, 0, train.count)]);
  const files = {
    'labels.txt': Buffer.from(`${labels.join('\n')}\n`),
    [idxFileNames.trainImages]: imageFile(base, { images, labels: train.labels, count }),
    [idxFileNames.trainLabels]: idxFile([count], Buffer.concat([feedback.labels, train.labels])),
    [idxFileNames.testImages]: imageFile(base, test),
    [idxFileNames.testLabels]: idxFile([test.count], test.labels),
  };
  for (const [name, bytes] of Object.entries(files)) {
    await writeAtomically(join(folder, name), bytes, signal);
  }
}
