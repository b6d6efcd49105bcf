import { hash } from 'node:crypto';
import { FileKindError, readRegularFile } from '../../node/files.ts';
import { ImageError } from '../../shared/image/image.ts';
import { type ModelInputOptions, readImage } from '../../shared/image/model-input.ts';
import { imageDecoders } from './image-decoders.ts';

/** A photo of 64 megapixels takes 256 MB when it is decoded. */
const maxPixels = 64_000_000;
const maxFileBytes = 64 * 2 ** 20;
const messageIntervalMs = 1000;

/** How image files become model input. */
export type InputSettings = ModelInputOptions;

/** An image file that was read. */
export interface ReadImage {
  /** Of the file. */
  sha256: string;
  /** [height, width], 0 (black) to 255 (white). */
  pixels: Uint8Array;
}

/** A file that can't be read as an image. */
export interface UnreadableFile {
  path: string;
  reason: string;
}

export interface ReadImagesOptions {
  /** Called at the start, about once a second and at the end. */
  onImages?: ((done: number, of: number) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** Reads image files as model input, in their order. */
export async function readImages(
  paths: readonly string[],
  settings: InputSettings,
  { onImages, signal }: ReadImagesOptions = {},
): Promise<(ReadImage | UnreadableFile)[]> {
  const results: (ReadImage | UnreadableFile)[] = [];
  let lastMessage = Number.NEGATIVE_INFINITY;
  for (const path of paths) {
    signal?.throwIfAborted();
    if (performance.now() - lastMessage >= messageIntervalMs) {
      onImages?.(results.length, paths.length);
      lastMessage = performance.now();
    }
    results.push(await readInput(path, settings));
  }
  onImages?.(paths.length, paths.length);
  return results;
}

/** Reads an image file. */
async function readInput(
  path: string,
  settings: InputSettings,
): Promise<ReadImage | UnreadableFile> {
  try {
    const bytes = await readRegularFile(path, maxFileBytes);
    const { pixels } = await readImage(bytes, { ...settings, maxPixels, ...imageDecoders });
    return { sha256: hash('sha256', bytes), pixels };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const isKnown = error instanceof ImageError || error instanceof FileKindError;
    if (!isKnown && code === undefined) throw error;
    return { path, reason: (error as Error).message };
  }
}
