/** Keeps images that were converted to model input, so that the next command does not decode them again. */
import { createHash, hash, randomUUID } from 'node:crypto';
import { closeSync, openSync, readvSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decoderFile } from './image-decoders.ts';

/** Files are named by the SHA-256 of the image files. Each has the SHA-256 of the pixels, then the pixels. */
const checksumBytes = 32;
/** Decoding a smaller file takes no longer than reading the cache. */
export const minCachedBytes = 16_384;
/** 256 thousand images of 28x28, as a file takes at least one block of the disk. */
const maxCacheBytes = 2 ** 30;
const blockBytes = 4096;
/** The size to which a full cache is reduced, so that not every command has to make room. */
const keptShare = 0.8;

/** The settings that decide the result of converting an image. Other settings need other entries. */
const decoderFolder = fileURLToPath(new URL('../../shared/image/', import.meta.url));

/**
 * Returns the folder of the entries for these settings.
 *
 * @param cacheDir the folder of all data sets
 */
export async function cacheFolderFor(cacheDir: string, settings: object): Promise<string> {
  const key = createHash('sha256').update(JSON.stringify(settings));
  const names = await readdir(decoderFolder, { recursive: true });
  const files = names.filter((name) => /\.(js|ts)$/.test(name)).sort();
  for (const path of [...files.map((name) => join(decoderFolder, name)), decoderFile]) {
    key.update(await readFile(path));
  }
  return join(cacheDir, imagesFolder, key.digest('hex').slice(0, 16));
}

const imagesFolder = 'images';

const entryPath = (folder: string, sha256: string) =>
  join(folder, sha256.slice(0, 2), sha256.slice(2));

/**
 * Reads the pixels of an image file.
 *
 * @param target overwritten, as long as the pixels: memory of their own would take several times as long as reading them
 * @returns whether they are there; false if the cache lacks them, or has others or damaged ones
 */
export function readCached(folder: string, sha256: string, target: Uint8Array): boolean {
  let descriptor: number | null = null;
  try {
    // Synchronous, because an entry is small: it takes half of the time.
    descriptor = openSync(entryPath(folder, sha256), 'r');
    const checksum = Buffer.alloc(checksumBytes);
    const bytes = readvSync(descriptor, [checksum, target]);
    return (
      bytes === checksumBytes + target.length && hash('sha256', target, 'buffer').equals(checksum)
    );
  } catch {
    return false;
  } finally {
    if (descriptor !== null) closeSync(descriptor);
  }
}

/** Writes the pixels of an image file. */
export const writeCached = (folder: string, sha256: string, pixels: Uint8Array): Promise<void> =>
  writeToCache(
    entryPath(folder, sha256),
    Buffer.concat([hash('sha256', pixels, 'buffer'), pixels]),
  );

/**
 * Writes a file of the cache. Another process may write the same at the same time. Nothing is flushed to the disk: a reader
 * notices what a crash has damaged.
 */
export async function writeToCache(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = join(dirname(path), `.${randomUUID()}.part`);
  try {
    await writeFile(temporary, content);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Deletes the oldest entries if there are too many, those for other settings too.
 *
 * @param maxBytes on the disk (default: 1 GiB)
 */
export const pruneCache = (cacheDir: string, maxBytes = maxCacheBytes): Promise<void> =>
  pruneFolder(join(cacheDir, imagesFolder), maxBytes);

/** Deletes the oldest files of a folder and the folders in it, if they take more than `maxBytes` on the disk. */
export async function pruneFolder(folder: string, maxBytes: number): Promise<void> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const entries = names.flatMap((name) => {
    const path = join(folder, name);
    // Another process may be pruning, too.
    const stats = statSync(path, { throwIfNoEntry: false });
    if (!stats?.isFile()) return [];
    return [{ path, bytes: Math.ceil(stats.size / blockBytes) * blockBytes, time: stats.mtimeMs }];
  });
  let total = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total <= maxBytes) return;
  entries.sort((a, b) => a.time - b.time);
  for (const { path, bytes } of entries) {
    if (total <= keptShare * maxBytes) return;
    await rm(path, { force: true });
    total -= bytes;
  }
}
