import { createHash } from 'node:crypto';
import { type Dirent, readdirSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ImageError } from '../../shared/image/image.ts';
import { readImage } from '../../shared/image/model-input.ts';
import type { WebpModule } from '../../shared/image/webp.ts';
import { checkClasses, type Dataset, type ImageSet } from './dataset.ts';
import { BadDatasetError } from './errors.ts';
import { idxFile } from './idx-folder.ts';
import { datasetName } from './known-datasets.ts';
import type { LoadFolderOptions } from './load-dataset.ts';

/** The network's input. */
const height = 28;
const width = 28;
/** A photo of 64 megapixels is 256 MB when it is decoded. */
const maximumPixels = 64_000_000;
const maximumFileBytes = 64 * 2 ** 20;
const maximumImages = 1_000_000;
/** How many files that can't be read are named. */
const namedFailures = 10;
const imagesAMessage = 5_000;

/** An image of a label; `position` is where it stands among the label's, from 0 to 1. */
interface LabelledFile {
  path: string;
  label: number;
  position: number;
}

/**
 * Loads a data set of images in train/<label>/ and test/<label>/: PNG, JPEG, WebP, GIF or BMP of any size, which become
 * what the Worker makes of an image that is posted. The labels are the names of train's folders, sorted. Images of all
 * labels alternate, so that any first part of the set has its share of each.
 *
 * @param folder absolute
 * @throws {BadDatasetError} naming every file that can't be read, with its reason
 */
export async function loadImageFolder(
  folder: string,
  options: LoadFolderOptions,
): Promise<Dataset> {
  const labels = foldersOf(join(folder, 'train'));
  if (labels.length === 0)
    throw new BadDatasetError(`${join(folder, 'train')} has no label: no folder of images.`);
  const unknown = foldersOf(join(folder, 'test')).filter((label) => !labels.includes(label));
  if (unknown.length > 0) {
    throw new BadDatasetError(
      `${join(folder, 'test')} has labels that ${join(folder, 'train')} lacks: ${unknown.join(', ')}.`,
    );
  }
  const trainFiles = filesOf(join(folder, 'train'), labels);
  const testFiles = filesOf(join(folder, 'test'), labels);
  checkClasses(folder, { labels, train: labelsOf(trainFiles), test: labelsOf(testFiles) });

  const failures: string[] = [];
  const train = await readImages(trainFiles, failures, options);
  const test = await readImages(testFiles, failures, options);
  if (failures.length > 0) throw unreadable(folder, failures);
  return {
    name: datasetName(folder),
    ...{ height, width, labels, train, test },
    files: {
      'train-images.idx': sha256(idxFile([train.count, height, width], train.images)),
      'train-labels.idx': sha256(idxFile([train.count], train.labels)),
      'test-images.idx': sha256(idxFile([test.count, height, width], test.images)),
      'test-labels.idx': sha256(idxFile([test.count], test.labels)),
    },
    origin: folder,
    source: folder,
  };
}

const byCodePoint = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** What file managers leave behind. */
const isClutter = (name: string) =>
  name.startsWith('.') || name === 'Thumbs.db' || name === 'desktop.ini';

function list(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter(({ name }) => !isClutter(name))
      .sort((a, b) => byCodePoint(a.name, b.name));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    // A label of train may have no folder in test.
    if (code === 'ENOENT') return [];
    throw new BadDatasetError(`${folder} can't be read: ${message}`, { cause });
  }
}

function foldersOf(folder: string): string[] {
  const entries = list(folder);
  const stray = entries.find((entry) => entry.isFile());
  if (stray) {
    throw new BadDatasetError(
      `${join(folder, stray.name)} lies beside the labels' folders: an image lies in its label's folder.`,
    );
  }
  return entries.map(({ name }) => name);
}

function filesOf(folder: string, labels: readonly string[]): LabelledFile[] {
  const files = labels.flatMap((name, label) => {
    const entries = list(join(folder, name));
    return entries.map((entry, i) => ({
      path: join(folder, name, entry.name),
      label,
      position: (i + 0.5) / entries.length,
    }));
  });
  if (files.length > maximumImages) {
    throw new BadDatasetError(
      `${folder} has ${files.length} images; at most ${maximumImages} are read.`,
    );
  }
  return files.sort((a, b) => a.position - b.position || a.label - b.label);
}

const labelsOf = (files: readonly LabelledFile[]): ImageSet => ({
  images: new Uint8Array(),
  labels: Uint8Array.from(files, ({ label }) => label),
  count: files.length,
});

/** @param failures gets a line for each file that can't be read */
async function readImages(
  files: readonly LabelledFile[],
  failures: string[],
  { onProgress, signal }: LoadFolderOptions,
): Promise<ImageSet> {
  const { labels, count } = labelsOf(files);
  const images = new Uint8Array(count * height * width);
  for (const [i, { path }] of files.entries()) {
    signal?.throwIfAborted();
    if (i > 0 && i % imagesAMessage === 0) onProgress?.(`Read ${i} of ${count} images`);
    try {
      images.set(await readFileAsInput(path), i * height * width);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (!(error instanceof ImageError) && code === undefined) throw error;
      failures.push(`  - ${path}: ${(error as Error).message}`);
    }
  }
  return { images, labels, count };
}

async function readFileAsInput(path: string): Promise<Uint8Array> {
  const { size } = await stat(path);
  if (size > maximumFileBytes) {
    throw new ImageError(
      'image_too_large',
      `It has ${size} bytes; at most ${maximumFileBytes} are read.`,
    );
  }
  return readImage(await readFile(path), { height, width, maximumPixels, webpModule });
}

function unreadable(folder: string, failures: readonly string[]): BadDatasetError {
  const more = failures.length - namedFailures;
  const lines = [
    `${failures.length} of the files in ${folder} can't be read as images:`,
    ...failures.slice(0, namedFailures),
    ...(more > 0 ? [`  - and ${more} more`] : []),
    'Next: replace or remove them.',
  ];
  return new BadDatasetError(lines.join('\n'));
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const path = fileURLToPath(import.meta.resolve('@jsquash/webp/codec/dec/webp_dec.wasm'));
let compiled: Promise<WebpModule> | null = null;

/** libwebp's decoder, read and compiled when it is first asked for. */
export function webpModule(): Promise<WebpModule> {
  compiled ??= readFile(path).then((bytes) => WebAssembly.compile(bytes));
  return compiled;
}
