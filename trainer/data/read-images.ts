import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { ModelInputOptions } from '../../shared/image/model-input.ts';
import { cacheFolderFor, pruneCache } from './image-cache.ts';
import {
  type ReadImage,
  type ReadSettings,
  readImageFile,
  type UnreadableFile,
} from './read-image-file.ts';

/** A thread takes about as long to start as a few photos to decode. */
const minFilesPerThread = 16;
/** Files that a thread reads between two messages. */
const chunkFiles = 8;
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
/** Reads some of the files, in their order. */
type Reader = (paths: readonly string[]) => Promise<Result[]>;

/** Reads image files as model input, on all cores, and returns the results in the order of the files. */
export async function readImages(
  paths: readonly string[],
  input: ModelInputOptions,
  { cacheDir, onImages, onProgress, signal }: ReadImagesOptions,
): Promise<Result[]> {
  const cacheFolder = cacheDir && (await cacheFolderFor(cacheDir, input));
  const settings: ReadSettings = { input, cacheFolder };
  const count = Math.min(availableParallelism(), Math.floor(paths.length / minFilesPerThread));
  const threads = Array.from({ length: count > 1 ? count : 0 }, () => startThread(settings));
  const stop = () => Promise.all(threads.map((thread) => thread.terminate()));
  signal?.addEventListener('abort', stop);
  try {
    const inline: Reader = (chunk) =>
      Promise.all(chunk.map((path) => readImageFile(path, settings)));
    const readers = threads.length > 0 ? threads.map(readerOn) : [inline];
    const results = await readWith(readers, paths, onImages, signal);
    const faults = results.flatMap((result) =>
      'cached' in result && typeof result.cached === 'object' ? [result.cached.fault] : [],
    );
    if (faults[0] !== undefined) {
      onProgress?.(`${faults.length} images could not be cached: ${faults[0]}`);
    }
    const isCacheLarger = results.some((result) => 'cached' in result);
    if (cacheDir !== null && isCacheLarger) await pruneCache(cacheDir);
    return results;
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
  paths: readonly string[],
  onImages: ReadImagesOptions['onImages'],
  signal: AbortSignal | undefined,
): Promise<Result[]> {
  const results: Result[] = new Array(paths.length);
  let next = 0;
  let done = 0;
  let lastMessage = performance.now();
  onImages?.(0, paths.length);
  const work = async (read: Reader) => {
    while (next < paths.length) {
      signal?.throwIfAborted();
      const from = next;
      next += chunkFiles;
      const chunk = await read(paths.slice(from, next));
      for (const [i, result] of chunk.entries()) results[from + i] = result;
      done += chunk.length;
      if (performance.now() - lastMessage < messageIntervalMs) continue;
      lastMessage = performance.now();
      onImages?.(done, paths.length);
    }
  };
  await Promise.all(readers.map(work));
  onImages?.(done, paths.length);
  return results;
}

/** The program beside this file: TypeScript in the repository, JavaScript in the installed package. */
const workerFile = new URL(`./read-images-worker${extname(import.meta.url)}`, import.meta.url);

/** Without this process's own flags, such as those that make `node --eval` a module. */
const startThread = (settings: ReadSettings) =>
  new Worker(workerFile, { workerData: settings, execArgv: [] });

const readerOn =
  (thread: Worker): Reader =>
  async (paths) => {
    const controller = new AbortController();
    const { signal } = controller;
    const exit = once(thread, 'exit', { signal }).then(([code]) => {
      throw new Error(`A thread that reads images ended with exit code ${code}.`);
    });
    try {
      thread.postMessage(paths);
      // `once` also rejects on the thread's 'error' event, with the thread's own error.
      const [results] = await Promise.race([once(thread, 'message', { signal }), exit]);
      return results as Result[];
    } finally {
      exit.catch(() => {});
      controller.abort();
    }
  };
