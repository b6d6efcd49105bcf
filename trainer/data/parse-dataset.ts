import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { parseIdx } from '../../shared/idx.ts';
import type { Dataset, ImageSet } from './dataset.ts';
import { CorruptFileError } from './errors.ts';
import type { DatasetPart, KnownDataset, KnownFile } from './known-datasets.ts';

type Shape = Pick<KnownDataset, 'height' | 'width' | 'labels'>;

/**
 * Reads the four uncompressed IDX files of a data set; the images are views of them, not copies.
 *
 * @throws {RangeError} where a file is no IDX file, is too short or long, holds images of another size,
 *   another count of labels than of images, or a label that has no name
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

/** Reads the two IDX files of a training or test set and checks that they fit each other and the names of the labels. */
export function parseImageSet(
  what: string,
  { height, width, labels: names }: Shape,
  imageFile: Uint8Array,
  labelFile: Uint8Array,
): ImageSet {
  const images = parseIdx(imageFile, 3);
  const labels = parseIdx(labelFile, 1);
  const [count = 0, actualHeight, actualWidth] = images.dimensions;
  if (actualHeight !== height || actualWidth !== width) {
    throw new RangeError(
      `The ${what} images are ${actualHeight}x${actualWidth}, expected ${height}x${width}.`,
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

/**
 * Uncompresses a file where it is a `.gz`, into memory that threads can share, and checks it against the hash that is known
 * of it.
 *
 * @param origin the file's path or URL, for the error
 * @returns the uncompressed bytes and their SHA-256
 * @throws {CorruptFileError} where it can't be uncompressed or has another hash
 */
export async function unpackFile(
  file: KnownFile,
  bytes: Uint8Array,
  origin: string,
): Promise<{ content: Uint8Array; sha256: string }> {
  let content = bytes;
  if (isGzip(bytes)) {
    try {
      content = await unpack(bytes, file.bytes);
    } catch (unpackError) {
      throw new CorruptFileError(origin, file, { unpackError });
    }
  }
  const sha256 = sha256Of(content);
  if (file.sha256 !== undefined) {
    if (sha256 !== file.sha256) throw new CorruptFileError(origin, file, { sha256 });
  } else if (isGzip(bytes) && sha256Of(bytes) !== file.gzipSha256) {
    throw new CorruptFileError(origin, file, { sha256: sha256Of(bytes) });
  }
  return { content, sha256 };
}

/**
 * Piece by piece into its place: the largest file is 47 MB, and its pieces together are as much again.
 *
 * @param size that the uncompressed file may have
 */
async function unpack(bytes: Uint8Array, size: number): Promise<Uint8Array> {
  const content = new Uint8Array(new SharedArrayBuffer(size));
  let length = 0;
  await pipeline(Readable.from([bytes]), createGunzip(), async (pieces: AsyncIterable<Buffer>) => {
    for await (const piece of pieces) {
      if (length + piece.length > size) throw new Error(`It has more than ${size} bytes.`);
      content.set(piece, length);
      length += piece.length;
    }
  });
  return content.subarray(0, length);
}

export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
