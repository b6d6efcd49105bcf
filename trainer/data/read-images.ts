import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { ModelInputOptions } from '../../shared/image/model-input.ts';
import { cacheFolderFor, pruneCache, readCached } from './image-cache.ts';
import { type ImageIndex, openImageIndex } from './image-index.ts';
import { type PixelRows, writeRow } from './image-set.ts';
import {
  type ReadImage,
  type ReadSettings,
  readImageFile,
  type UnreadableFile,
} from './read-image-file.ts';

/** A thread takes about as long to start as a few photos to decode. */
const minFilesPerThread = 16;
/** Files that a thread reads between two messages: more of many, as tiny pictures take no longer than a message. */
const minChunkFiles = 8;
const maxChunkFiles = 64;
const chunksPerThread = 100;
/** Files that are read from the cache before the process looks after anything else. */
const knownAtOnce = 200;
const messageIntervalMs = 1000;

export interface ReadImagesOptions {
  /** The cache's folder, in which the images have their own; null: no cache. */
  cacheDir: string | null;
  /** Called at the start, about once a second, and at the end. */
  onImages?: ((done: number, of: number) => void) | undefined;
  /** Receives why images can't be cached. */
  onProgress?: ((message: string) => void) | undefined;
  signal?: AbortSignal | undefined;
}

type Result = ReadImage | UnreadableFile;

/** A file, and the row that receives its pixels. */
interface FileOfRow {
  path: string;
  row: number;
}

/** Files that a thread reads between two messages. */
export type ReadTask = readonly FileOfRow[];
/** Reads some of the files, in their order. */
type Reader = (files: ReadTask) => Promise<Result[]>;

/** Reads image files as model input, each into its row, on all cores, and returns the results in the order of the files. */
export async function readImages(
  files: readonly FileOfRow[],
  input: ModelInputOptions,
  rows: PixelRows,
  { cacheDir, onImages, onProgress, signal }: ReadImagesOptions,
): Promise<Result[]> {
  const paths = files.map(({ path }) => path);
  const cacheFolder = cacheDir && (await cacheFolderFor(cacheDir, input));
  const index = cacheFolder && (await openImageIndex(cacheFolder, paths));
  const progress = progressOf(files.length, onImages);
  const settings = { input, cacheFolder, rows };
  const known = index ? await readKnown(files, settings, index, progress, signal) : new Map();
  const unknown = files.filter(({ path }) => !known.has(path));
  const read = await readOnThreads(unknown, settings, progress, signal);
  progress.end();
  const rest = read.values();
  const results = paths.map((path): Result => known.get(path) ?? rest.next().value);
  if (index) await completeCache(paths, results, read, index, onProgress);
  if (cacheDir !== null && read.some((result) => 'cached' in result)) await pruneCache(cacheDir);
  return results;
}

/** Reports the number of images that are done, at the start, about once a second, and at the end. */
function progressOf(total: number, onImages: ReadImagesOptions['onImages']) {
  let done = 0;
  let lastMessage = performance.now();
  onImages?.(0, total);
  return {
    add(count: number): void {
      done += count;
      if (performance.now() - lastMessage < messageIntervalMs) return;
      lastMessage = performance.now();
      onImages?.(done, total);
    },
    end: () => onImages?.(done, total),
  };
}

type Progress = ReturnType<typeof progressOf>;

/** Reads the images of files that have not changed since they were cached. No thread is faster: each takes microseconds. */
async function readKnown(
  files: readonly FileOfRow[],
  { cacheFolder, rows }: ReadSettings,
  index: ImageIndex,
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<Map<string, ReadImage>> {
  const known = new Map<string, ReadImage>();
  const pixels = new Uint8Array(rows.size);
  for (const [i, { path, row }] of files.entries()) {
    const file = index.find(path);
    if (file && readCached(cacheFolder as string, file.sha256, pixels)) {
      writeRow(rows, row, pixels);
      known.set(path, file);
      progress.add(1);
    }
    if (i % knownAtOnce > 0) continue;
    await setImmediate();
    signal?.throwIfAborted();
  }
  return known;
}

/** Notes newly cached files in the index, and reports why others can't be cached. */
async function completeCache(
  paths: readonly string[],
  results: readonly Result[],
  read: readonly Result[],
  index: ImageIndex,
  onProgress: ReadImagesOptions['onProgress'],
): Promise<void> {
  const faults = read.flatMap((result) =>
    'cached' in result && typeof result.cached === 'object' ? [result.cached.fault] : [],
  );
  if (faults[0] !== undefined) {
    onProgress?.(`${faults.length} images could not be cached: ${faults[0]}`);
  }
  if (!read.some((result) => 'state' in result && result.state)) return;
  const known = results.flatMap((result, i) => {
    if (!('state' in result) || !result.state) return [];
    const { sha256, state } = result;
    return [{ path: paths[i] as string, sha256, state }];
  });
  // The next command reads these files again.
  await index.write(known).catch((error: Error) => {
    onProgress?.(`The index of the cached images could not be written: ${error.message}`);
  });
}

async function readOnThreads(
  files: readonly FileOfRow[],
  settings: ReadSettings,
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<Result[]> {
  const count = Math.min(availableParallelism(), Math.floor(files.length / minFilesPerThread));
  const threads = Array.from({ length: count > 1 ? count : 0 }, () => startThread(settings));
  const stop = () => Promise.all(threads.map((thread) => thread.terminate()));
  signal?.addEventListener('abort', stop);
  const inline: Reader = (task) =>
    Promise.all(task.map(({ path, row }) => readImageFile(path, row, settings)));
  try {
    return await readWith(
      threads.length > 0 ? threads.map(readerOn) : [inline],
      files,
      progress,
      signal,
    );
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
    await stop();
  }
}

/** Each reader gets the next files whenever it has read its last ones. */
async function readWith(
  readers: readonly Reader[],
  files: readonly FileOfRow[],
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<Result[]> {
  const results: Result[] = new Array(files.length);
  const share = Math.ceil(files.length / (chunksPerThread * readers.length));
  const chunkFiles = Math.max(minChunkFiles, Math.min(maxChunkFiles, share));
  let next = 0;
  const work = async (read: Reader) => {
    while (next < files.length) {
      signal?.throwIfAborted();
      const from = next;
      next += chunkFiles;
      const chunk = await read(files.slice(from, next));
      for (const [i, result] of chunk.entries()) results[from + i] = result;
      progress.add(chunk.length);
    }
  };
  await Promise.all(readers.map(work));
  return results;
}

/** The program beside this file: TypeScript in the repository, JavaScript in the installed package. */
const workerFile = new URL(`./read-images-worker${extname(import.meta.url)}`, import.meta.url);

/** Without this process's own flags, such as those that make `node --eval` a module. */
const startThread = (settings: ReadSettings) =>
  new Worker(workerFile, { workerData: settings, execArgv: [] });

const readerOn =
  (thread: Worker): Reader =>
  async (task) => {
    const controller = new AbortController();
    const { signal } = controller;
    const exit = once(thread, 'exit', { signal }).then(([code]) => {
      throw new Error(`A thread that reads images ended with exit code ${code}.`);
    });
    try {
      thread.postMessage(task);
      // `once` also rejects on the thread's 'error' event, with the thread's own error.
      const [results] = await Promise.race([once(thread, 'message', { signal }), exit]);
      return results as Result[];
    } finally {
      exit.catch(() => {});
      controller.abort();
    }
  };
