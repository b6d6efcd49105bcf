/** Converts a file's bytes to images and labels: uncompresses, checks the hash, parses. */
import { hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { parseIdx } from '../../shared/idx.ts';
import { type Dataset, type ImageSet, messageOf } from './dataset.ts';
import type { DatasetPart, KnownFile } from './known-datasets.ts';

type Shape = Pick<Dataset, 'height' | 'width' | 'channels' | 'labels'>;

/**
 * Parses the four uncompressed IDX files of a data set. The images are views of them, not copies.
 *
 * @throws {RangeError} if a file is not an IDX file, is too short or too long, has images of another size, has a different
 *   number of labels than images, or has a label without a name
 */
export function parseDataset(
  shape: Shape,
  files: Record<DatasetPart, Uint8Array>,
): Pick<Dataset, 'train' | 'test'> {
  return {
    train: parseImageSet('training', shape, files.trainImages, files.trainLabels),
    test: parseImageSet('test', shape, files.testImages, files.testLabels),
  };
}

/** Parses the two IDX files of a training or test set, and checks them against each other and the label names. */
export function parseImageSet(
  what: 'training' | 'test',
  { height, width, channels = 1, labels: names }: Shape,
  imageFile: Uint8Array,
  labelFile: Uint8Array,
): ImageSet {
  const images = parseIdx(imageFile, channels === 1 ? 3 : 4);
  const labels = parseIdx(labelFile, 1);
  const [count = 0, ...actual] = images.dimensions;
  const expected = channels === 1 ? [height, width] : [height, width, channels];
  if (actual.join() !== expected.join()) {
    throw new RangeError(
      `The ${what} images are ${actual.join('x')}, expected ${expected.join('x')}.`,
    );
  }
  if (labels.dimensions[0] !== count) {
    throw new RangeError(`There are ${count} ${what} images but ${labels.dimensions[0]} labels.`);
  }
  const unnamed = labels.values.findIndex((label) => label >= names.length);
  if (unnamed >= 0) {
    throw new RangeError(
      `The label of ${what} image ${unnamed} is ${labels.values[unnamed]}; ids go from 0 to ${names.length - 1}.`,
    );
  }
  return { images: images.values, labels: labels.values, count };
}

export interface UnpackedFile {
  /** In memory that threads can share if the file was compressed. */
  content: Uint8Array;
  /** The SHA-256 of the uncompressed content. */
  sha256: string;
}

/**
 * Uncompresses a file if it is a `.gz`, and checks it against its known hash.
 *
 * @param origin the file's path or URL, for errors
 * @throws if it can't be uncompressed or has another hash
 */
export async function unpackFile(
  file: KnownFile,
  bytes: Uint8Array,
  origin: string,
): Promise<UnpackedFile> {
  let content = bytes;
  if (isGzip(bytes)) {
    try {
      content = await unpack(bytes, file.bytes);
    } catch (cause) {
      throw new Error(`${origin} is corrupt: it can't be unpacked: ${messageOf(cause)}`, { cause });
    }
  }
  const sha256 = hash('sha256', content);
  const isChecked = file.hashedForm === 'uncompressed' || isGzip(bytes);
  const actual = file.hashedForm === 'uncompressed' ? sha256 : hash('sha256', bytes);
  if (isChecked && actual !== file.sha256) {
    throw new Error(
      `${origin} is corrupt: expected SHA-256 ${file.sha256} (${file.hashedForm}), but it has ${actual}`,
    );
  }
  return { content, sha256 };
}

/**
 * Uncompresses chunk by chunk into the final buffer. The largest file is 47 MB, so joining its chunks would double that.
 *
 * @param maxBytes length that the uncompressed file may have
 */
async function unpack(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  const content = new Uint8Array(new SharedArrayBuffer(maxBytes));
  let length = 0;
  await pipeline(Readable.from([bytes]), createGunzip(), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      if (length + chunk.length > maxBytes) throw new Error(`it has more than ${maxBytes} bytes`);
      content.set(chunk, length);
      length += chunk.length;
    }
  });
  return content.subarray(0, length);
}

export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;
