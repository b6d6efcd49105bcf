import { hash } from 'node:crypto';
import { FileKindError, readRegularFile } from '../../node/files.ts';
import { ImageError } from '../../shared/image/image.ts';
import { type ModelInputOptions, readImage } from '../../shared/image/model-input.ts';
import { minCachedBytes, readCached, writeCached } from './image-cache.ts';
import { imageDecoders } from './image-decoders.ts';
import { stateOf } from './image-index.ts';
import { type PixelRows, writeRow } from './image-set.ts';

/** A photo of 64 megapixels takes 256 MB when it is decoded. */
export const maxPixels = 64_000_000;
export const maxFileBytes = 64 * 2 ** 20;

/** How image files are read. */
export interface ReadSettings {
  input: ModelInputOptions;
  /** The folder of the cache's entries for `input`; null: no cache. */
  cacheFolder: string | null;
  /** Receives the pixels. */
  rows: PixelRows;
}

/** An image file that was read. */
export interface ReadImage {
  /** Of the file. */
  sha256: string;
  /** The result of caching it, if it was not cached: `written`, or why it can't be. */
  cached?: 'written' | { fault: string };
  /** The state of a cached file with this content; null if it has just changed. */
  state?: string | null;
}

/** A file that can't be read as an image. */
export interface UnreadableFile {
  path: string;
  reason: string;
}

/** Reads an image file as model input into its row, from the cache if it is there. */
export async function readImageFile(
  path: string,
  row: number,
  { input, cacheFolder, rows }: ReadSettings,
): Promise<ReadImage | UnreadableFile> {
  try {
    // Before the content: a later change leads to another state.
    const state = stateOf(path);
    const bytes = await readRegularFile(path, maxFileBytes);
    const sha256 = hash('sha256', bytes);
    const cache = bytes.length < minCachedBytes ? null : cacheFolder;
    const known = new Uint8Array(cache ? rows.size : 0);
    if (cache && readCached(cache, sha256, known)) {
      writeRow(rows, row, known);
      return { sha256, state };
    }
    const { pixels } = await readImage(bytes, { ...input, maxPixels, ...imageDecoders });
    writeRow(rows, row, pixels);
    if (!cache) return { sha256 };
    try {
      await writeCached(cache, sha256, pixels);
    } catch (error) {
      return { sha256, cached: { fault: (error as Error).message } };
    }
    return { sha256, cached: 'written', state };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const isKnown = error instanceof ImageError || error instanceof FileKindError;
    if (!isKnown && code === undefined) throw error;
    return { path, reason: (error as Error).message };
  }
}
