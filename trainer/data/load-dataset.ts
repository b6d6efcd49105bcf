/** Loads data sets: folders as they are; known data sets from their sources, checked and then parsed. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { defaultCacheFolder, writeAtomically } from '../../node/files.ts';
import type { Background, ModelSpec } from '../../shared/model/model-spec.ts';
import {
  type Dataset,
  DatasetUnavailableError,
  type ImageShape,
  InvalidDatasetError,
  MissingFileError,
  messageOf,
  shapeOfImages,
} from './dataset.ts';
import { type DatasetSource, folderSource } from './dataset-source.ts';
import { debianSource } from './debian-source.ts';
import { foldersIn } from './folder-layout.ts';
import { findIdxFiles } from './idx-files.ts';
import { type IdxFolderOptions, loadIdxFolder } from './idx-folder.ts';
import { type LoadImageFolderOptions, loadImageFolder } from './image-folder.ts';
import {
  type DatasetPart,
  idxFileNames,
  isKnownDataset,
  type KnownDataset,
  type KnownFile,
  knownDatasets,
} from './known-datasets.ts';
import { mirrorSource } from './mirror-source.ts';
import { parseDataset, type UnpackedFile, unpackFile } from './parse-dataset.ts';

export interface LoadDatasetOptions
  extends Omit<LoadImageFolderOptions, 'background'>,
    Pick<IdxFolderOptions, 'labelOffset'> {
  /** The treatment of the background of pictures (default: decided by the data set's name or its training images). */
  background?: Background | Background['kind'] | undefined;
  /** The name of a known data set, or a folder (default: 'fashion-mnist'). */
  dataset?: string | undefined;
  /** A folder with the four files of a known data set, `.gz` or uncompressed; replaces the cache and all sources. */
  dataDir?: string | undefined;
  /** Only uses what is on this machine. */
  offline?: boolean | undefined;
  fetch?: typeof globalThis.fetch;
  /** Tried in this order after the cache (default: a system package's folder, the mirrors, Debian's package). */
  sources?: readonly DatasetSource[];
}

/**
 * Loads a data set: a folder as it is, or a known data set from `dataDir`, or from the cache and then the sources. The files
 * of a known data set are checked against their SHA-256, wherever they come from.
 *
 * @throws {InvalidDatasetError} if a folder is not a data set
 * @throws {DatasetUnavailableError} if no source has all files; lists each source with the reason
 */
export async function loadDataset(options: LoadDatasetOptions = {}): Promise<Dataset> {
  const { dataset = 'fashion-mnist', dataDir } = options;
  if (!isKnownDataset(dataset)) {
    if (dataDir === undefined) return loadFolder(dataset, options);
    throw new InvalidDatasetError(
      `--data-dir is only for the files of ${knownNames}, and --dataset ${dataset} is not one of them. Remove --data-dir.`,
    );
  }
  if (options.labelOffset !== undefined) throw new InvalidDatasetError(offsetAdvice(dataset));
  const known: KnownDataset = knownDatasets[dataset];
  const { unpacked, used } = await collectFiles(known, options);
  const parts = Object.entries(known.files).map(([part, file]) => ({
    part,
    name: file.name,
    ...(unpacked.get(file) as UnpackedFile),
  }));
  const contents = Object.fromEntries(parts.map(({ part, content }) => [part, content]));
  checkPictureOptions(known, options);
  return {
    name: known.name,
    height: known.height,
    width: known.width,
    labels: known.labels,
    fit: options.fit ?? 'contain',
    background: backgroundIn(options) ?? known.background,
    ...parseDataset(known, contents as Record<DatasetPart, Uint8Array>),
    files: Object.fromEntries(parts.map(({ name, sha256 }) => [name, sha256])),
    origin: known.name,
    source: used.join(', '),
  };
}

/**
 * Loads the test images for a model. `dataDir` may be the data set's folder in another place, or other images with the model's
 * labels.
 *
 * @throws {InvalidDatasetError} if the folder is not a data set, or has labels that the model lacks
 * @throws {DatasetUnavailableError} if no source has all files of a known data set
 */
export async function loadTestSet(
  model: ModelSpec,
  options: LoadDatasetOptions & { dataset: string },
): Promise<Dataset> {
  const { dataset, dataDir } = options;
  if (dataDir !== undefined && (!isKnownDataset(dataset) || isImageFolder(dataDir))) {
    return loadFolder(dataDir, { ...options, model });
  }
  if (!isKnownDataset(dataset) && !existsSync(dataset)) {
    throw new InvalidDatasetError(
      `The data set of ${model.name} is not in ${dataset} any more. Name its folder, or one with other images of its labels, with --data-dir.`,
    );
  }
  return loadDataset({ ...options, model });
}

const isImageFolder = (folder: string) =>
  existsSync(folder) && findIdxFiles(folder).size === 0 && foldersIn(folder).length > 0;

const offsetAdvice = (dataset: string) =>
  `--label-offset is only for a folder of IDX files, and ${dataset} is not one. Remove it.`;

const knownNames = Object.keys(knownDatasets).join(', ');

/** Asks source after source for the files that are still missing. */
async function collectFiles(known: KnownDataset, options: LoadDatasetOptions) {
  const { onProgress, signal } = options;
  const cacheFolder = join(options.cacheDir ?? defaultCacheFolder(), known.name);
  const unpacked = new Map<KnownFile, UnpackedFile>();
  const used: string[] = [];
  const failures: string[] = [];
  for (const source of sourcesOf(known, cacheFolder, options)) {
    const missing = Object.values(known.files).filter((file) => !unpacked.has(file));
    if (missing.length === 0) break;
    const accept = async (file: KnownFile, bytes: Uint8Array, origin: string) => {
      const content = await unpackFile(file, bytes, origin);
      if (source.remote) await cache(cacheFolder, file, bytes, options);
      unpacked.set(file, content);
      if (!used.includes(source.description)) used.push(source.description);
    };
    try {
      await source.read(missing, accept, signal);
    } catch (cause) {
      signal?.throwIfAborted();
      const failure = `${source.description}: ${messageOf(cause)}`;
      failures.push(`  - ${failure}`);
      if (!(cause instanceof MissingFileError)) onProgress?.(`${failure}; trying the next source`);
    }
  }
  if (unpacked.size < Object.keys(known.files).length) {
    const lines = [
      `${known.name} could not be loaded. Tried:`,
      ...failures,
      nextStep(known, options),
    ];
    throw new DatasetUnavailableError(lines.join('\n'));
  }
  return { unpacked, used };
}

function sourcesOf(
  { mirrors, debian }: KnownDataset,
  cacheFolder: string,
  { dataDir, offline, sources, fetch, onProgress }: LoadDatasetOptions,
): DatasetSource[] {
  if (dataDir !== undefined) return [folderSource(dataDir)];
  const usable = sources ?? [
    ...(debian ? [folderSource(debian.folder)] : []),
    ...mirrors.map((url) => mirrorSource(url, { onProgress, ...(fetch && { fetch }) })),
    ...(debian ? [debianSource(debian, { onProgress })] : []),
  ];
  const cached = folderSource(cacheFolder, `cache ${cacheFolder}`);
  return [cached, ...usable.filter(({ remote }) => !(remote && offline))];
}

/** Writes a file to the cache. A failure is only reported: it costs the next run a download. */
async function cache(
  folder: string,
  file: KnownFile,
  bytes: Uint8Array,
  { onProgress, signal }: LoadDatasetOptions,
) {
  try {
    await writeAtomically(join(folder, `${file.name}.gz`), bytes, signal);
  } catch (error) {
    signal?.throwIfAborted();
    onProgress?.(`${file.name}.gz could not be cached: ${(error as Error).message}`);
  }
}

function nextStep({ name, files }: KnownDataset, { dataDir, offline }: LoadDatasetOptions) {
  if (dataDir !== undefined) {
    return `Next: put the original ${name} files into ${dataDir}, or remove --data-dir to download them.`;
  }
  const names = Object.values(files).map((file) => `${file.name}.gz`);
  const connect = offline ? 'remove --offline' : 'connect this machine to the network';
  return `Next: ${connect}, or put ${names.join(', ')} into a folder and pass it as --data-dir.`;
}

/** @throws {InvalidDatasetError} if images that are used as they are shall have another size or colour */
function checkPictureOptions(
  loaded: ImageShape & { name: string },
  { colour, size }: LoadDatasetOptions,
): void {
  const { name, height, width, channels = 1 } = loaded;
  const isSize = size === undefined || (size === height && size === width);
  const isColour = colour === undefined || (colour === 'rgb') === (channels === 3);
  if (isSize && isColour) return;
  throw new InvalidDatasetError(
    `The images of ${name} have ${shapeOfImages(loaded)}, and are used as they are. Leave out ${isSize ? '--colour' : '--size'}: it is for folders of image files.`,
  );
}

const backgroundIn = ({ background }: LoadDatasetOptions): Background | undefined =>
  typeof background === 'string' ? { kind: background } : background;

/** Loads a folder of images, or of four IDX files. */
async function loadFolder(folder: string, given: LoadDatasetOptions): Promise<Dataset> {
  const options = { ...given, background: backgroundIn(given) };
  const path = resolve(folder);
  await readdir(path).catch((cause: NodeJS.ErrnoException) => {
    const reason =
      cause.code === 'ENOENT'
        ? `There is no data set ${folder}: it is neither one of ${knownNames} nor a folder.`
        : `${folder} can't be read: ${cause.message}`;
    throw new InvalidDatasetError(reason, { cause });
  });
  if (findIdxFiles(path).size > 0) {
    const loaded = await loadIdxFolder(path, options);
    checkPictureOptions(loaded, options);
    return loaded;
  }
  if (options.labelOffset !== undefined && !options.model) {
    throw new InvalidDatasetError(offsetAdvice(folder));
  }
  if (foldersIn(path).length > 0) return loadImageFolder(path, options);
  throw new InvalidDatasetError(
    `${folder} is not a data set. Put a folder of images for every label into it, or train/ and test/ with such folders, or the IDX files ${Object.values(idxFileNames).join(', ')}, uncompressed or as .gz.`,
  );
}
