/** Converts the images of a folder that does not fit into memory: their pixels are in one file of the cache, a row per image. */
import { closeSync, openSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, statfs, utimes } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { basename, join } from 'node:path';
import * as z from 'zod';
import { formatCount } from '../../node/text.ts';
import type { ModelInputOptions } from '../../shared/image/model-input.ts';
import { InvalidDatasetError, imageLength } from './dataset.ts';
import { cacheFolderFor, writeToCache } from './image-cache.ts';
import { stateOf } from './image-index.ts';
import { readFully, writeRow } from './image-set.ts';
import type { UnreadableFile } from './read-image-file.ts';
import { type ReadImagesOptions, readImages } from './read-images.ts';

/** Images that take more are kept in a file. */
const maxBytesInMemory = 2 * 2 ** 30;
/** The share of the memory that they may take. */
const maxMemoryShare = 0.25;
/** All such files together; the oldest are deleted. The largest folder has 7.7 GB at 160x160 pixels in colour. */
const maxCacheBytes = 32 * 2 ** 30;

/** Returns the bytes of images that a data set may have in memory: 2 GiB, or a quarter of a smaller machine or container. */
export function usualMemory(): number {
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return Math.min(maxBytesInMemory, maxMemoryShare * Math.min(limit, totalmem()));
}

/** An image whose pixels are in the file. */
interface PixelRow {
  /** Of the image's file. */
  sha256: string;
}

/** Per row; null if its path can't be read, or had just changed. */
const indexSchema = z.array(
  z.object({ path: z.string(), sha256: z.string(), state: z.string() }).nullable(),
);

/** A row that an earlier command wrote. */
interface KnownRow extends PixelRow {
  row: number;
}

interface ReadToFileOptions extends ReadImagesOptions {
  cacheDir: string;
  /** Identifies the images: commands for the same folder and parts share a file. */
  source: readonly string[];
}

/**
 * Reads image files as model input into a file of the cache, or finds those that have not changed there.
 *
 * @returns per path the SHA-256 of its file, or why it can't be read, and the descriptor of the pixels' file, which stays open. Path i is
 * in row i
 * @throws {InvalidDatasetError} if the disk has too little space
 */
export async function readToPixelFile(
  paths: readonly string[],
  input: ModelInputOptions,
  options: ReadToFileOptions,
): Promise<{ results: (PixelRow | UnreadableFile)[]; descriptor: number }> {
  const { cacheDir, source, onProgress, onImages } = options;
  const cache = join(cacheDir, 'pixels');
  const key = basename(await cacheFolderFor(cacheDir, { input, source }));
  const [file, indexFile] = [join(cache, `${key}.bin`), join(cache, `${key}.json`)];
  const size = imageLength(input as { height: number; width: number });
  const known = await readIndex(indexFile, file, size);
  const rows = paths.map((path) => known.get(path) ?? null);
  if (rows.every((found, row) => found?.row === row)) {
    const now = new Date();
    await utimes(file, now, now);
    onImages?.(paths.length, paths.length);
    return { results: rows as KnownRow[], descriptor: openSync(file, 'r') };
  }
  await makeRoom(cache, paths.length * size);
  onProgress?.(
    `The images take ${sizeText(paths.length * size)} as input of the network, too much for the memory. They are kept in ${file}.`,
  );
  // Before the content: a later change leads to another state.
  const states = paths.map((path) => stateOf(path));
  const part = `${file}.${process.pid}.part`;
  const descriptor = openSync(part, 'w+');
  try {
    if (known.size > 0) copyRows(file, descriptor, size, rows);
    const results = await readMissing(paths, input, options, { rows, descriptor, size });
    await rename(part, file);
    const index = results.map((result, row) => {
      const [path, state] = [paths[row], states[row]];
      return 'sha256' in result && state ? { path, sha256: result.sha256, state } : null;
    });
    await writeToCache(indexFile, JSON.stringify(index));
    return { results, descriptor };
  } catch (error) {
    closeSync(descriptor);
    await rm(part, { force: true });
    throw error;
  }
}

interface Target {
  /** Per path its row in the earlier file, which is copied already; null: to be read. */
  rows: readonly (KnownRow | null)[];
  descriptor: number;
  /** Bytes of a row. */
  size: number;
}

async function readMissing(
  paths: readonly string[],
  input: ModelInputOptions,
  { onImages, onProgress, signal }: ReadToFileOptions,
  { rows, descriptor, size }: Target,
): Promise<(PixelRow | UnreadableFile)[]> {
  const missing = rows.flatMap((found, row) => (found ? [] : [row]));
  const done = paths.length - missing.length;
  const read = await readImages(
    missing.map((row) => ({ path: paths[row] as string, row })),
    input,
    { size, target: descriptor },
    {
      cacheDir: null,
      onImages: onImages && ((count) => onImages(done + count, paths.length)),
      onProgress,
      signal,
    },
  );
  const rest = read.values();
  return rows.map((found) => found ?? (rest.next().value as PixelRow | UnreadableFile));
}

/** Returns the rows of an earlier file whose images have not changed since, by path. */
async function readIndex(
  indexFile: string,
  file: string,
  size: number,
): Promise<Map<string, KnownRow>> {
  try {
    const index = indexSchema.parse(JSON.parse(await readFile(indexFile, 'utf8')));
    const { size: bytes } = statSync(file);
    return new Map(
      index.flatMap((entry, row) =>
        entry && bytes >= (row + 1) * size && stateOf(entry.path) === entry.state
          ? [[entry.path, { sha256: entry.sha256, row }] as const]
          : [],
      ),
    );
  } catch {
    // Missing or damaged: all images are read again.
    return new Map();
  }
}

function copyRows(file: string, target: number, size: number, rows: Target['rows']): void {
  const source = openSync(file, 'r');
  const pixels = new Uint8Array(size);
  try {
    for (const [row, found] of rows.entries()) {
      if (!found) continue;
      readFully(source, pixels, found.row * size);
      writeRow({ size, target }, row, pixels);
    }
  } finally {
    closeSync(source);
  }
}

/** Deletes the oldest files until the new one is within the limit, and checks that the disk has space for it. */
async function makeRoom(folder: string, bytes: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  const files = (await readdir(folder))
    .filter((name) => name.endsWith('.bin'))
    .map((name) => join(folder, name))
    .flatMap((path) => {
      const stats = statSync(path, { throwIfNoEntry: false });
      return stats ? [{ path, size: stats.size, time: stats.mtimeMs }] : [];
    })
    .sort((a, b) => b.time - a.time);
  let total = bytes;
  for (const { path, size } of files) {
    total += size;
    if (total > maxCacheBytes) await rm(path, { force: true });
  }
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize > bytes) return;
  throw new InvalidDatasetError(
    `The images take ${sizeText(bytes)} as input of the network, more than the memory and the ${sizeText(bavail * bsize)} that are free on the disk of ${folder}. Use a smaller --size, fewer images, or set XDG_CACHE_HOME to a folder on a larger disk.`,
  );
}

const sizeText = (bytes: number) =>
  bytes < 1e6
    ? `${formatCount(bytes)} bytes`
    : bytes < 1e9
      ? `${formatCount(bytes / 1e6)} MB`
      : `${(bytes / 1e9).toFixed(1)} GB`;
