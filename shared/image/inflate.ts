import { Unzlib, unzlibSync } from 'fflate';
import { ImageError } from './image.ts';

/** Deflate expands by at most 1032, so no piece of input yields more than 4 MB before the output is checked. */
const pieceBytes = 4096;

/** Up to this size a stream is inflated in one go: a streaming inflater takes ten times as long to set up as an icon to inflate. */
const maxWholeBytes = 16 * 1024;

/**
 * Inflates a zlib stream up to a size that is known beforehand. The rest is discarded, so that a few kilobytes
 * can't fill the memory.
 *
 * @param stream a zlib stream (RFC 1950)
 * @param expectedBytes the number of inflated bytes to read
 * @param onData receives the data piece by piece; a piece is only valid during the call
 * @throws {ImageError} if the stream holds less, or is not a zlib stream
 */
export function inflate(
  stream: Uint8Array,
  expectedBytes: number,
  onData: (piece: Uint8Array) => void,
): void {
  let taken = 0;
  const take = (piece: Uint8Array) => {
    const wanted = piece.subarray(0, expectedBytes - taken);
    taken += wanted.byteLength;
    if (wanted.byteLength > 0) onData(wanted);
  };
  try {
    if (stream.byteLength <= maxWholeBytes && expectedBytes <= maxWholeBytes * 64) {
      take(inflateWhole(stream, expectedBytes));
    } else {
      const inflater = new Unzlib(take);
      for (let start = 0; start < stream.byteLength && taken < expectedBytes; start += pieceBytes) {
        const end = start + pieceBytes;
        inflater.push(stream.subarray(start, end), end >= stream.byteLength);
      }
    }
  } catch (cause) {
    if (cause instanceof ImageError) throw cause;
    throw new ImageError('bad_image', 'The image is corrupt: its compressed data is invalid.', {
      cause,
    });
  }
  if (taken < expectedBytes) {
    throw new ImageError(
      'bad_image',
      `The image is cut off: its data ends after ${taken} of ${expectedBytes} bytes.`,
    );
  }
}

/** Surplus data does not fit the buffer; fflate then returns the part that fits. */
function inflateWhole(stream: Uint8Array, expectedBytes: number): Uint8Array {
  return unzlibSync(stream, { out: new Uint8Array(expectedBytes + 1) });
}
