import { randomInt } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { type Inversion, readImage } from '../../shared/image/model-input.ts';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import { imageDecoders } from '../data/image-decoders.ts';
import type { NamedTestSet } from './trained-model.ts';

/** An image as the network takes it, and what is known of it. */
export interface ImageToPredict {
  source: { file: string } | { index: number };
  /** height x width bytes, 0 black to 255 white. */
  pixels: Uint8Array;
  /** The class's id, where it is known. */
  actual?: number;
}

/** An image file that can't be used. */
export interface UnreadableImage {
  source: { file: string };
  error: string;
}

/** A photo of today's phones is half of it. */
const largestFileBytes = 32 * 2 ** 20;

/** Reads image files, any number and of any size that fits; what can't be read has an error in its place. */
export async function imagesOfFiles(
  files: readonly string[],
  spec: ModelSpec,
  invert: Inversion,
): Promise<(ImageToPredict | UnreadableImage)[]> {
  const [height, width] = spec.inputShape;
  const images: (ImageToPredict | UnreadableImage)[] = [];
  for (const file of files) {
    const source = { file };
    try {
      const bytes = await readBounded(file);
      const pixels = await readImage(bytes, { height, width, invert, ...imageDecoders });
      images.push({ source, pixels });
    } catch (error) {
      images.push({ source, error: reasonOf(error as NodeJS.ErrnoException) });
    }
  }
  return images;
}

async function readBounded(file: string): Promise<Uint8Array> {
  const { size } = await stat(file);
  if (size > largestFileBytes) {
    throw new Error(`it has ${size} bytes; at most ${largestFileBytes} are read.`);
  }
  return readFile(file);
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'there is no such file.';
  if (code === 'EISDIR') return 'it is a folder; name the images in it.';
  return message;
}

/**
 * An image of the test set.
 *
 * @param index from 0; a random one where it is absent
 * @throws {RangeError} where the test set has no such image
 */
export function imageOfTestSet(
  { name, count, images, labels }: NamedTestSet,
  index = randomInt(count),
): ImageToPredict {
  if (index >= count) {
    throw new RangeError(
      `The test set of ${name} has ${count} images, 0 to ${count - 1}; there is no ${index}.`,
    );
  }
  const size = images.length / count;
  const pixels = images.subarray(index * size, (index + 1) * size);
  return { source: { index }, pixels, actual: labels[index] as number };
}
