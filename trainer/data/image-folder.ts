/** Reads data sets as folders of images, train/<label>/ and test/<label>/. */
import { hash } from 'node:crypto';
import { type Dirent, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { FileKindError, readRegularFile } from '../../node/files.ts';
import { ImageError } from '../../shared/image/image.ts';
import { readImage } from '../../shared/image/model-input.ts';
import { fashionMnistCnn } from '../../shared/model/model-spec.ts';
import { checkLabels, type Dataset, type ImageSet, InvalidDatasetError } from './dataset.ts';
import { idxFile } from './idx-folder.ts';
import { imageDecoders } from './image-decoders.ts';
import { datasetName } from './known-datasets.ts';

const [height, width] = fashionMnistCnn.inputShape;
/** A photo of 64 megapixels takes 256 MB when it is decoded. */
const maxPixels = 64_000_000;
const maxFileBytes = 64 * 2 ** 20;
const maxImages = 1_000_000;
/** Number of unreadable files that an error lists. */
const maxListedFailures = 10;
const imagesPerMessage = 5_000;

export interface LoadFolderOptions {
  /** Receives progress messages. */
  onProgress?: ((message: string) => void) | undefined;
  signal?: AbortSignal | undefined;
}

interface LabelledFile {
  path: string;
  label: number;
  /** Relative position among the label's files, 0 to 1. */
  position: number;
}

/**
 * Loads PNG, JPEG, WebP, GIF or BMP images of any size, and converts them to model input exactly as the Worker does. The
 * labels are the names of the folders in train/, sorted. Images of all labels alternate, so that every first part of the set
 * has its share of each label.
 *
 * @param folder absolute
 * @throws {InvalidDatasetError} that lists the files that can't be read, each with the reason
 */
export async function loadImageFolder(
  folder: string,
  options: LoadFolderOptions,
): Promise<Dataset> {
  const trainFolder = join(folder, 'train');
  const testFolder = join(folder, 'test');
  const labels = labelsIn(trainFolder);
  if (labels.length === 0) {
    throw new InvalidDatasetError(
      `${trainFolder} has no labels. Add a folder of images for each label.`,
    );
  }
  const unknown = labelsIn(testFolder).filter((label) => !labels.includes(label));
  if (unknown.length > 0) {
    throw new InvalidDatasetError(
      `${testFolder} has labels that ${trainFolder} does not have: ${unknown.join(', ')}.`,
    );
  }
  const trainFiles = filesIn(trainFolder, labels);
  const testFiles = filesIn(testFolder, labels);
  checkLabels(folder, { labels, train: withoutPixels(trainFiles), test: withoutPixels(testFiles) });

  const failures: string[] = [];
  const train = await readImages(trainFiles, failures, options);
  const test = await readImages(testFiles, failures, options);
  if (failures.length > 0) throw unreadable(folder, failures);
  return {
    name: datasetName(folder),
    height,
    width,
    labels,
    train,
    test,
    files: {
      'train-images.idx': hash('sha256', idxFile([train.count, height, width], train.images)),
      'train-labels.idx': hash('sha256', idxFile([train.count], train.labels)),
      'test-images.idx': hash('sha256', idxFile([test.count, height, width], test.images)),
      'test-labels.idx': hash('sha256', idxFile([test.count], test.labels)),
    },
    origin: folder,
    source: folder,
  };
}

const byCodePoint = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Files that file managers create. */
const isClutter = (name: string) =>
  name.startsWith('.') || name === 'Thumbs.db' || name === 'desktop.ini';

function entriesIn(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter(({ name }) => !isClutter(name))
      .sort((a, b) => byCodePoint(a.name, b.name));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    // A label in train/ may have no folder in test/.
    if (code === 'ENOENT') return [];
    throw new InvalidDatasetError(`${folder} can't be read: ${message}`, { cause });
  }
}

function labelsIn(folder: string): string[] {
  const entries = entriesIn(folder);
  const stray = entries.find((entry) => entry.isFile());
  if (stray) {
    throw new InvalidDatasetError(
      `${join(folder, stray.name)} is not in the folder of a label. Move it into one.`,
    );
  }
  return entries.map(({ name }) => name);
}

function filesIn(folder: string, labels: readonly string[]): LabelledFile[] {
  const files = labels.flatMap((name, label) => {
    const entries = entriesIn(join(folder, name));
    return entries.map((entry, i) => ({
      path: join(folder, name, entry.name),
      label,
      position: (i + 0.5) / entries.length,
    }));
  });
  if (files.length > maxImages) {
    throw new InvalidDatasetError(
      `${folder} has ${files.length} images. The maximum is ${maxImages}.`,
    );
  }
  return files.sort((a, b) => a.position - b.position || a.label - b.label);
}

const withoutPixels = (files: readonly LabelledFile[]): ImageSet => ({
  images: new Uint8Array(),
  labels: Uint8Array.from(files, ({ label }) => label),
  count: files.length,
});

/** @param failures receives a line for each file that can't be read */
async function readImages(
  files: readonly LabelledFile[],
  failures: string[],
  { onProgress, signal }: LoadFolderOptions,
): Promise<ImageSet> {
  const { labels, count } = withoutPixels(files);
  const images = new Uint8Array(count * height * width);
  for (const [i, { path }] of files.entries()) {
    signal?.throwIfAborted();
    if (i > 0 && i % imagesPerMessage === 0) onProgress?.(`Read ${i} of ${count} images`);
    try {
      images.set(await readFileAsInput(path), i * height * width);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const isKnown = error instanceof ImageError || error instanceof FileKindError;
      if (!isKnown && code === undefined) throw error;
      failures.push(`  - ${path}: ${(error as Error).message}`);
    }
  }
  return { images, labels, count };
}

async function readFileAsInput(path: string): Promise<Uint8Array> {
  const bytes = await readRegularFile(path, maxFileBytes);
  return readImage(bytes, { height, width, maxPixels, ...imageDecoders });
}

function unreadable(folder: string, failures: readonly string[]): InvalidDatasetError {
  const more = failures.length - maxListedFailures;
  const lines = [
    `${failures.length} of the files in ${folder} can't be read as images:`,
    ...failures.slice(0, maxListedFailures),
    ...(more > 0 ? [`  - and ${more} more`] : []),
    'Next: replace or remove them.',
  ];
  return new InvalidDatasetError(lines.join('\n'));
}
