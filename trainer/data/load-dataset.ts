import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { defaultCacheFolder, writeAtomically } from '../../node/files.ts';
import type { Dataset } from './dataset.ts';
import { debianSource } from './debian-source.ts';
import { BadDatasetError, DatasetUnavailableError, MissingFileError, messageOf } from './errors.ts';
import { idxFileNames, loadIdxFolder } from './idx-folder.ts';
import { loadImageFolder } from './image-folder.ts';
import {
  type DatasetPart,
  isKnownDataset,
  type KnownDataset,
  type KnownFile,
  knownDatasets,
} from './known-datasets.ts';
import { parseDataset, unpackFile } from './parse-dataset.ts';
import { type DatasetSource, folderSource, mirrorSource } from './sources.ts';

export interface LoadDatasetOptions {
  /** The name of a known data set, or a folder; 'fashion-mnist' unless told. */
  dataset?: string | undefined;
  /** A folder with the four files of a known data set, `.gz` or uncompressed. Where it is given, nothing else is looked at. */
  dataDir?: string | undefined;
  /** Where fetched files are kept; the XDG cache folder's catwalk/datasets unless told. */
  cacheDir?: string | undefined;
  /** Takes only what is on this machine. */
  offline?: boolean | undefined;
  /** Told what is being fetched, what failed and what is done instead. */
  onProgress?: ((message: string) => void) | undefined;
  fetch?: typeof globalThis.fetch;
  /** Stops everything; the cache keeps only whole files. */
  signal?: AbortSignal | undefined;
  /** Asked in this order after the cache; a system package's folder, mirrors and Debian's package unless told. */
  sources?: readonly DatasetSource[];
}

/**
 * Loads a data set. A folder is read as it is. A known data set comes from the first place that has it: `dataDir`, the
 * cache, and the sources; whatever the place, every file is checked against the SHA-256 known for it.
 *
 * @throws {BadDatasetError} where a folder holds no data set
 * @throws {DatasetUnavailableError} where no place has all files; lists each with its cause, such as the
 *   `CorruptFileError` of a file in `dataDir`
 */
export async function loadDataset(options: LoadDatasetOptions = {}): Promise<Dataset> {
  const { dataset = 'fashion-mnist', dataDir } = options;
  if (!isKnownDataset(dataset)) {
    if (dataDir === undefined) return loadFolder(dataset, options);
    throw new BadDatasetError(
      `--data-dir is where the files of ${Object.keys(knownDatasets).join(', ')} lie; --dataset ${dataset} is none of these. Leave --data-dir out.`,
    );
  }
  const known: KnownDataset = knownDatasets[dataset];
  const { contents, used } = await collectFiles(known, options);
  const parts = Object.entries(known.files).map(([part, { name }]) => ({
    part,
    name,
    ...(contents.get(name) as UnpackedFile),
  }));
  const files = Object.fromEntries(parts.map(({ part, content }) => [part, content]));
  return {
    name: known.name,
    height: known.height,
    width: known.width,
    labels: known.labels,
    ...parseDataset(known, files as Record<DatasetPart, Uint8Array>),
    files: Object.fromEntries(parts.map(({ name, sha256 }) => [name, sha256])),
    origin: known.name,
    source: used.join(', '),
  };
}

type UnpackedFile = Awaited<ReturnType<typeof unpackFile>>;

async function collectFiles(known: KnownDataset, options: LoadDatasetOptions) {
  const { onProgress, signal } = options;
  const cacheFolder = join(options.cacheDir ?? defaultCacheFolder(), known.name);
  const contents = new Map<string, UnpackedFile>();
  const used: string[] = [];
  const failures: { source: string; cause: unknown }[] = [];
  for (const source of sourcesOf(known, cacheFolder, options)) {
    const missing = Object.values(known.files).filter((file) => !contents.has(file.name));
    if (missing.length === 0) break;
    try {
      await source.read(
        missing,
        async (file, bytes, origin) => {
          const unpacked = await unpackFile(file, bytes, origin);
          if (source.remote) await keep(cacheFolder, file, bytes, options);
          contents.set(file.name, unpacked);
          if (!used.includes(source.description)) used.push(source.description);
        },
        signal,
      );
    } catch (cause) {
      signal?.throwIfAborted();
      failures.push({ source: source.description, cause });
      if (!(cause instanceof MissingFileError)) {
        onProgress?.(`${source.description}: ${messageOf(cause)}; trying the next source`);
      }
    }
  }
  if (contents.size < Object.keys(known.files).length) {
    throw new DatasetUnavailableError(known.name, failures, nextStep(known, options));
  }
  return { contents, used };
}

function sourcesOf(known: KnownDataset, cacheFolder: string, options: LoadDatasetOptions) {
  if (options.dataDir !== undefined) return [folderSource(options.dataDir)];
  const sources = options.sources ?? defaultSources(known, options);
  const usable = options.offline ? sources.filter((source) => !source.remote) : sources;
  return [folderSource(cacheFolder, `cache ${cacheFolder}`), ...usable];
}

function defaultSources(
  { mirrors, debian }: KnownDataset,
  { fetch, onProgress }: LoadDatasetOptions,
) {
  return [
    ...(debian ? [folderSource(debian.folder)] : []),
    ...mirrors.map((url) => mirrorSource(url, { onProgress, ...(fetch ? { fetch } : {}) })),
    ...(debian ? [debianSource(debian, { onProgress })] : []),
  ];
}

/** A cache that can't be written costs the next run a download, not this run its data. */
async function keep(
  folder: string,
  file: KnownFile,
  bytes: Uint8Array,
  { onProgress, signal }: LoadDatasetOptions,
) {
  try {
    await writeAtomically(join(folder, `${file.name}.gz`), bytes, signal);
  } catch (error) {
    signal?.throwIfAborted();
    onProgress?.(`${file.name}.gz could not be kept in the cache: ${(error as Error).message}`);
  }
}

function nextStep({ name, files }: KnownDataset, { dataDir, offline }: LoadDatasetOptions) {
  if (dataDir !== undefined) {
    return `Next: put the original ${name} files into ${dataDir}, or leave --data-dir out to have them fetched.`;
  }
  const names = Object.values(files).map((file) => `${file.name}.gz`);
  const connect = offline ? 'leave --offline out' : 'connect this machine to the network';
  return `Next: ${connect}, or put ${names.join(', ')} into a folder and pass it as --data-dir.`;
}

export interface LoadFolderOptions {
  /** Told how far reading is. */
  onProgress?: ((message: string) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Loads a data set from a folder of four IDX files, or of images in train/<label>/ and test/<label>/.
 *
 * @throws {BadDatasetError} where it is no such folder, or a file in it can't be used; names the file
 */
export async function loadFolder(folder: string, options: LoadFolderOptions): Promise<Dataset> {
  const path = resolve(folder);
  const entries = await entriesOf(folder, path);
  if (['train', 'test'].every((name) => entries.includes(name))) {
    return loadImageFolder(path, options);
  }
  if (Object.values(idxFileNames).some((name) => entries.some((entry) => entry.startsWith(name)))) {
    return loadIdxFolder(path);
  }
  throw new BadDatasetError(
    `${folder} is no data set. It should hold train/ and test/, each with a folder of images for every label, or the IDX files ${Object.values(idxFileNames).join(', ')}, uncompressed or as .gz.`,
  );
}

async function entriesOf(folder: string, path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code !== 'ENOENT')
      throw new BadDatasetError(`${folder} can't be read: ${message}`, { cause });
    const names = Object.keys(knownDatasets).join(', ');
    throw new BadDatasetError(
      `There is no data set ${folder}: it is none of ${names}, and there is no such folder.`,
      { cause },
    );
  }
}
