import { randomInt } from 'node:crypto';
import { readNamedFile } from '../../node/files.ts';
import { type Inversion, readImage } from '../../shared/image/model-input.ts';
import { inputOptionsFor, type ModelSpec } from '../../shared/model/model-spec.ts';
import { imageDecoders } from '../data/image-decoders.ts';
import { imageIn } from '../data/image-set.ts';
import type { NamedTestSet } from './trained-model.ts';

/** An image in the network's input size. */
export interface ImageToPredict {
  source: { file: string } | { index: number };
  /** [height, width, channels], 0 to 255. */
  pixels: Uint8Array;
  /** The ID of its label, if it is known. */
  actual?: number;
}

/** An image file that can't be read. */
export interface UnreadableImage {
  source: { file: string };
  error: string;
}

/** Twice the size of a photo from a current phone. */
const maxFileBytes = 32 * 2 ** 20;

/** Reads image files of any size. A file that can't be read has an error in its place. */
export async function imagesOfFiles(
  files: readonly string[],
  spec: ModelSpec,
  invert: Inversion,
): Promise<(ImageToPredict | UnreadableImage)[]> {
  const images: (ImageToPredict | UnreadableImage)[] = [];
  for (const file of files) {
    const source = { file };
    try {
      const bytes = await readNamedFile(file, maxFileBytes);
      const options = { ...inputOptionsFor(spec), invert, ...imageDecoders };
      const { pixels } = await readImage(bytes, options);
      images.push({ source, pixels });
    } catch (error) {
      images.push({ source, error: reasonOf(error as NodeJS.ErrnoException) });
    }
  }
  return images;
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'there is no such file.';
  return message;
}

/**
 * Returns an image of the test set.
 *
 * @param index from 0 (default: random)
 * @throws {RangeError} if the test set has no such image
 */
export function imageOfTestSet(test: NamedTestSet, index = randomInt(test.count)): ImageToPredict {
  const { name, count, labels } = test;
  if (index >= count) {
    throw new RangeError(
      `The test set of ${name} has no image ${index}: its images are 0 to ${count - 1}.`,
    );
  }
  return { source: { index }, pixels: imageIn(test, index), actual: labels[index] as number };
}
