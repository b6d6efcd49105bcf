/** Reads data sets as folders of images. */
import { hash } from 'node:crypto';
import { join } from 'node:path';
import { defaultCacheFolder } from '../../node/files.ts';
import type { ModelInputOptions } from '../../shared/image/model-input.ts';
import { type Background, inputOptionsFor, type ModelSpec } from '../../shared/model/model-spec.ts';
import { backgroundOfPictures, invertLight } from './background.ts';
import {
  checkLabels,
  checkTestSet,
  type Dataset,
  type FolderReport,
  type ImageSample,
  type ImageSet,
  type ImageShape,
  InvalidDatasetError,
  imageLength,
  type PictureDefaults,
  type PictureOptions,
} from './dataset.ts';
import { alternate, duplicatesIn, nearDuplicatesIn } from './duplicates.ts';
import { filesPerLabel, labelsIn, listLines, type PartName, partsOf } from './folder-layout.ts';
import { reportFolder } from './folder-report.ts';
import { hashOfImageFile, idxFile } from './idx-folder.ts';
import { inputFor, sampleImages } from './image-sample.ts';
import { scaleOfImages } from './image-scale.ts';
import { arrangeRows, imagesInFile, type PixelRows } from './image-set.ts';
import { datasetName } from './known-datasets.ts';
import { readToPixelFile, usualMemory } from './pixel-file.ts';
import { type ReadImagesOptions, readImages } from './read-images.ts';

/** The share of each label's images that become the test set if there is none. */
const testShare = 0.2;

export interface LoadImageFolderOptions
  extends Omit<ReadImagesOptions, 'cacheDir'>,
    PictureOptions {
  /** The folder for fetched files and converted images (default: catwalk/datasets in the XDG cache folder). */
  cacheDir?: string | undefined;
  /** Bytes of images that are kept in memory; more are kept in a file (default: 2 GiB, or a quarter of the memory). */
  maxMemory?: number | undefined;
  /** Leaves out files that are not images, instead of refusing the folder. */
  skipUnreadable?: boolean | undefined;
  /**
   * Chooses the network's defaults, from a sample of the training images and their number (default: those of the tutorial's network).
   */
  defaults?: ((sample: ImageSample, images: number) => PictureDefaults) | undefined;
  /** Reads only the test images, for this model: its labels and its preprocessing (default: all parts, for a new model). */
  model?: ModelSpec | undefined;
}

/** An image of a label. */
interface LabelledImage {
  path: string;
  label: number;
  /** Of the file. */
  sha256: string;
  /** The number among all images that were read. */
  row: number;
}

/** The images of a part, one list per label. */
type Part = LabelledImage[][];

/**
 * Loads PNG, JPEG, WebP, GIF or BMP images of any size, and converts them to model input exactly as the Worker does. The
 * labels are the names of the folders, sorted. Images of all labels alternate, so that every first part of a set has its
 * share of each label.
 *
 * @param folder absolute
 * @throws {InvalidDatasetError} that lists the files that can't be read, each with the reason
 */
export async function loadImageFolder(
  folder: string,
  options: LoadImageFolderOptions,
): Promise<Dataset> {
  const { model, cacheDir = defaultCacheFolder(), onProgress = () => {} } = options;
  const name = datasetName(folder);
  const files = findFiles(folder, model);
  const { labels } = files;
  const isSplit = files.test !== undefined;
  if (!model) {
    const train = labelsOnly(files.train ?? []);
    checkLabels(folder, { labels, train, test: isSplit ? labelsOnly(files.test ?? []) : train });
  }
  const paths = files.train?.flat() ?? [];
  const sample = model ? null : await sampleImages(paths, cacheDir, options.signal);
  const decided = sample
    ? inputFor(name, sample, options, options.defaults?.(sample, paths.length))
    : inputOptionsFor(model as ModelSpec);
  const input = { ...decided, background: backgroundToRead(decided.background) };
  const {
    parts: read,
    skipped,
    pixels,
  } = await readParts(files, input, { ...options, cacheDir, folder });
  if (skipped.length > 0 && !options.skipUnreadable) throw unreadable(folder, skipped);
  const { train, test } = isSplit ? read : splitByContent(read.train ?? []);
  const parts = { train: train ?? [], validation: read.validation ?? null, test: test ?? [] };
  const report: FolderReport = {
    split: isSplit ? 'folders' : 'content',
    sample,
    skipped,
    duplicates: duplicatesIn(parts),
    nearDuplicates: [],
  };
  const sets = imageSetsOf(parts, pixels);
  const { height, width, channels } = input;
  const shape = { height, width, channels, labels };
  const background = decided.background ?? backgroundOfPictures(shape, sets.train, onProgress);
  if (background.kind === 'invert') {
    for (const set of [sets.train, sets.validation, sets.test]) if (set) invertLight(shape, set);
  }
  report.nearDuplicates = nearDuplicatesIn(shape, sets, parts, report.duplicates);
  const dataset = {
    name,
    ...shape,
    fit: input.fit,
    background,
    ...(channels === 3 && !model && { scale: scaleOfImages(sets.train, channels) }),
    ...sets,
    files: hashesOf(sets, shape),
    origin: folder,
    source: folder,
    folder: report,
  };
  if (model) checkTestSet(folder, dataset.test);
  else checkLabels(folder, dataset);
  reportFolder(dataset, onProgress);
  return dataset;
}

/** Light backgrounds are inverted after all images have been read, because the training images decide whether they are. */
const backgroundToRead = (background: Background | undefined): Background =>
  background?.kind === 'isolate' ? background : { kind: 'keep' };

interface FolderFiles extends Partial<Record<PartName, string[][]>> {
  labels: readonly string[];
}

/**
 * Lists the files of each part and label. Without test/ the training images have the test images among them.
 *
 * @param model the model to test; the other parts are left out
 */
function findFiles(folder: string, model?: ModelSpec): FolderFiles {
  const parts = partsOf(folder);
  const names = Object.keys(parts);
  const { train = names.length === 0 ? folder : undefined, test, validation } = parts;
  const used: { [Part in PartName]?: string | undefined } = model
    ? test
      ? { test }
      : { train }
    : { train, validation, test };
  const reference = model && test ? test : train;
  if (reference === undefined) {
    throw new InvalidDatasetError(
      `${folder} has ${names.join('/ and ')}/, but no train/ with the images to train on. Add it, or move the folders of the labels into ${folder} itself.`,
    );
  }
  const labels = model?.labels ?? labelsIn(reference);
  if (labels.length === 0) {
    throw new InvalidDatasetError(
      `${reference} has no labels. Add a folder of images for each label.`,
    );
  }
  const [only = ''] = labels;
  const inner = join(reference, only);
  if (labels.length === 1 && Object.keys(partsOf(inner)).length > 0) {
    throw new InvalidDatasetError(`${reference} has one folder, ${only}. Did you mean ${inner}?`);
  }
  const found: FolderFiles = { labels };
  for (const [name, path] of Object.entries(used)) {
    if (path === undefined) continue;
    const unknown = labelsIn(path).filter((label) => !labels.includes(label));
    if (unknown.length > 0) {
      const others = model ? `the model ${model.name}` : reference;
      throw new InvalidDatasetError(
        `${path} has labels that ${others} does not have: ${unknown.join(', ')}.`,
      );
    }
    found[name as PartName] = filesPerLabel(path, labels);
  }
  return found;
}

interface ReadOptions extends ReadImagesOptions {
  cacheDir: string;
  folder: string;
  maxMemory?: number | undefined;
}

/** @returns `pixels`: those of each row, in memory or in a file */
async function readParts(files: FolderFiles, input: ModelInputOptions, options: ReadOptions) {
  const { maxMemory = usualMemory() } = options;
  const names = (['train', 'validation', 'test'] as const).filter((name) => files[name]);
  const paths = names.flatMap((name) => files[name]?.flat() ?? []);
  const size = imageLength(input);
  const { results, target } =
    paths.length * size > maxMemory
      ? await readToFile(paths, input, { ...options, source: [options.folder, ...names] })
      : await readToMemory(paths, input, options);
  const skipped: FolderReport['skipped'] = [];
  const parts: Partial<Record<PartName, Part>> = {};
  let row = -1;
  for (const name of names) {
    parts[name] = (files[name] as string[][]).map((ofLabel, label) =>
      ofLabel.flatMap((path): LabelledImage[] => {
        const result = results[++row];
        if (result && 'sha256' in result) {
          return [{ sha256: result.sha256, path, label, row }];
        }
        if (result) skipped.push(result);
        return [];
      }),
    );
  }
  return { parts, skipped, pixels: { size, target } };
}

async function readToFile(...[paths, input, options]: Parameters<typeof readToPixelFile>) {
  const { results, descriptor } = await readToPixelFile(paths, input, options);
  return { results, target: descriptor };
}

/** Threads read into one memory: copies of hundreds of megabytes took seconds. */
async function readToMemory(
  paths: readonly string[],
  input: ModelInputOptions,
  options: ReadOptions,
) {
  const size = imageLength(input);
  const target = new Uint8Array(new SharedArrayBuffer(paths.length * size));
  const files = paths.map((path, row) => ({ path, row }));
  return { results: await readImages(files, input, { size, target }, options), target };
}

/**
 * Makes a fifth of each label's images the test set. Their content decides which, so that the split does not depend on the
 * machine, and neither a moved nor a renamed file changes sides. Copies of an image stay together.
 */
function splitByContent(images: Part): { train: Part; test: Part } {
  const parts = images.map((ofLabel) => {
    const hashes = ofLabel.map(({ sha256 }) => sha256).sort();
    const wanted = Math.max(1, Math.round(hashes.length * testShare));
    // The first image of the training set. A label with copies of one image only is trained on.
    const first = hashes.find((sha256, i) => i >= wanted && sha256 !== hashes[i - 1]) ?? '';
    return {
      train: ofLabel.filter(({ sha256 }) => sha256 >= first),
      test: ofLabel.filter(({ sha256 }) => sha256 < first),
    };
  });
  return { train: parts.map(({ train }) => train), test: parts.map(({ test }) => test) };
}

/** Returns the images of each part, arranged so that the labels alternate. Those in memory are moved. */
function imageSetsOf(
  parts: { train: Part; validation: Part | null; test: Part },
  { size, target }: PixelRows,
) {
  const [train, validation, test] = [
    alternate(parts.train),
    alternate(parts.validation ?? []),
    alternate(parts.test),
  ];
  const rowsOf = (images: readonly LabelledImage[]) => images.map(({ row }) => row);
  if (typeof target !== 'number') {
    arrangeRows(target, size, rowsOf([...train, ...validation, ...test]));
  }
  const setOf = (images: readonly LabelledImage[], first: number): ImageSet => {
    const labels = Uint8Array.from(images, ({ label }) => label);
    const { length: count } = images;
    return typeof target === 'number'
      ? imagesInFile(target, size, rowsOf(images), labels)
      : { images: target.subarray(first * size, (first + count) * size), labels, count };
  };
  return {
    train: setOf(train, 0),
    validation: parts.validation && setOf(validation, train.length),
    test: setOf(test, train.length + validation.length),
  };
}

const labelsOnly = (files: readonly string[][]): ImageSet => {
  const labels = Uint8Array.from(files.flatMap((ofLabel, label) => ofLabel.map(() => label)));
  return { images: new Uint8Array(), labels, count: labels.length };
};

/** Returns the SHA-256 of each part as IDX files. */
function hashesOf(
  sets: Record<PartName, ImageSet | null>,
  shape: ImageShape,
): Record<string, string> {
  const entries = Object.entries(sets).flatMap(([name, set]): [string, string][] =>
    set === null
      ? []
      : [
          [`${name}-images.idx`, hashOfImageFile(shape, set)],
          [`${name}-labels.idx`, hash('sha256', idxFile([set.count], set.labels))],
        ],
  );
  return Object.fromEntries(entries);
}

function unreadable(folder: string, failures: FolderReport['skipped']): InvalidDatasetError {
  return new InvalidDatasetError(
    [
      `${failures.length} of the files in ${folder} can't be read as images:`,
      listLines(failures.map(({ path, reason }) => `${path}: ${reason}`)),
      'Next: replace or remove them, or leave them out with --skip-unreadable.',
    ].join('\n'),
  );
}
