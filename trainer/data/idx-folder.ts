import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { writeAtomically } from '../../node/files.ts';
import { parseIdx } from '../../shared/idx.ts';
import { checkClasses, type Dataset, type ImageSet } from './dataset.ts';
import { BadDatasetError, messageOf } from './errors.ts';
import { type DatasetPart, datasetName } from './known-datasets.ts';
import { parseDataset } from './parse-dataset.ts';
import { readEither } from './sources.ts';

const unpack = promisify(gunzip);

/** As MNIST has them. */
export const idxFileNames: Record<DatasetPart, string> = {
  trainImages: 'train-images-idx3-ubyte',
  trainLabels: 'train-labels-idx1-ubyte',
  testImages: 't10k-images-idx3-ubyte',
  testLabels: 't10k-labels-idx1-ubyte',
};

/** The network's input. */
const side = 28;
/** A million images. */
const maximumBytes = 784 * 1_000_000;

/**
 * Loads a data set of four IDX files, each as `.gz` or uncompressed. The labels' names are the lines of labels.txt where
 * there is one, else their numbers.
 *
 * @param folder absolute
 * @throws {BadDatasetError} naming the file that can't be used
 */
export async function loadIdxFolder(folder: string): Promise<Dataset> {
  const contents = {} as Record<DatasetPart, Uint8Array>;
  const files: Record<string, string> = {};
  for (const [part, name] of Object.entries(idxFileNames)) {
    const bytes = await readIdxFile(folder, name, part.endsWith('Images') ? 3 : 1);
    contents[part as DatasetPart] = bytes;
    files[name] = createHash('sha256').update(bytes).digest('hex');
  }
  const labels = (await readLabels(folder)) ?? numbersOf(contents.trainLabels);
  const shape = { height: side, width: side, labels };
  const sets = refusing(folder, () => parseDataset(shape, contents));
  checkClasses(folder, { labels, ...sets });
  const name = datasetName(folder);
  return { name, ...shape, ...sets, files, origin: folder, source: folder };
}

async function readIdxFile(folder: string, name: string, dimensions: number): Promise<Uint8Array> {
  const { path, bytes } = await readEither(folder, name).catch((cause: unknown) => {
    throw new BadDatasetError(messageOf(cause), { cause });
  });
  try {
    const content = path.endsWith('.gz')
      ? await unpack(bytes, { maxOutputLength: maximumBytes })
      : bytes;
    parseIdx(content, dimensions);
    return content;
  } catch (cause) {
    throw new BadDatasetError(`${path} is no whole IDX file: ${messageOf(cause)}`, { cause });
  }
}

async function readLabels(folder: string): Promise<string[] | null> {
  const path = join(folder, 'labels.txt');
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return null;
    throw new BadDatasetError(`${path} can't be read: ${cause.message}`, { cause });
  });
  if (text === null) return null;
  const labels = text
    .trimEnd()
    .split(/\r?\n/)
    .map((line) => line.trim());
  const wrong = labels.findIndex((label, i) => label === '' || labels.indexOf(label) !== i);
  if (wrong < 0) return labels;
  throw new BadDatasetError(`${path}:${wrong + 1} has no label, or one that was there before.`);
}

function numbersOf(labelFile: Uint8Array): string[] {
  const highest = parseIdx(labelFile, 1).values.reduce((max, id) => Math.max(max, id), 0);
  return Array.from({ length: highest + 1 }, (_, id) => String(id));
}

function refusing<Result>(folder: string, read: () => Result): Result {
  try {
    return read();
  } catch (cause) {
    throw new BadDatasetError(`${folder} is no data set: ${messageOf(cause)}`, { cause });
  }
}

/** Writes unsigned bytes as an IDX file; shared/idx.ts reads it. */
export function idxFile(dimensions: number[], values: Uint8Array): Uint8Array {
  const header = Buffer.alloc(4 + 4 * dimensions.length);
  header.writeUInt32BE(0x0800 + dimensions.length, 0);
  dimensions.forEach((size, i) => {
    header.writeUInt32BE(size, 4 + 4 * i);
  });
  return Buffer.concat([header, values]);
}

/**
 * Writes a folder that `--dataset` takes: the feedback first, so that `--limit` has it, then the base's own training images; the test
 * set is the base's, so that models stay comparable.
 */
export async function writeTrainingSet(
  folder: string,
  base: Dataset,
  feedback: ImageSet,
  signal?: AbortSignal,
): Promise<void> {
  const parts = [feedback, base.train];
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  const { height, width, labels, test } = base;
  const files = {
    'labels.txt': new TextEncoder().encode(`${labels.join('\n')}\n`),
    [idxFileNames.trainImages]: idxFile(
      [count, height, width],
      Buffer.concat(parts.map(({ images }) => images)),
    ),
    [idxFileNames.trainLabels]: idxFile([count], Buffer.concat(parts.map(({ labels }) => labels))),
    [idxFileNames.testImages]: idxFile([test.count, height, width], test.images),
    [idxFileNames.testLabels]: idxFile([test.count], test.labels),
  };
  for (const [name, bytes] of Object.entries(files)) {
    await writeAtomically(join(folder, name), bytes, signal);
  }
}
