import { inflateRaw } from '../../shared/image/inflate.ts';
import { imageDecoders } from './image-decoders.ts';

/**
 * Inflates a body of Content-Encoding deflate: a zlib stream (RFC 1950), or raw deflate data, which some clients send instead.
 *
 * @param maxBytes the limit of the inflated size
 * @param reserve called with the inflated size before its memory is allocated
 * @returns `null` if the inflated size exceeds the limit
 * @throws {Error} if the data is corrupt, cut off or followed by more
 */
export async function inflateDeflate(
  file: Uint8Array,
  maxBytes: number,
  reserve: (bytes: number) => void,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  // A stored block may start with the same first byte, but then its padding would not be 0.
  const isZlib = ((file[0] ?? 0) & 15) === 8 && file.length > 6 && view.getUint16(0) % 31 === 0;
  const data = isZlib ? file.subarray(2, -4) : file;
  const open = await imageDecoders.compiledDecoder();
  // Twice: a stream does not state its size, and a buffer that grows is copied.
  let length = 0;
  const dataBytes = inflateRaw(open, data, (piece) => {
    length += piece.byteLength;
    return length <= maxBytes;
  });
  if (length > maxBytes) return null;
  if (dataBytes === null) throw new Error('it is cut off');
  if (dataBytes !== data.byteLength) throw new Error('its data ends too early');
  reserve(length);
  const inflated = new Uint8Array(length);
  let written = 0;
  inflateRaw(open, data, (piece) => {
    inflated.set(piece, written);
    written += piece.byteLength;
    return true;
  });
  if (isZlib && adler32(inflated) !== view.getUint32(file.byteLength - 4)) {
    throw new Error('its checksum is wrong');
  }
  return inflated;
}

/** Bytes after which the sums need to be reduced, as in zlib: 5552 keep them below 2^32. */
const reduceAfter = 5552;

/** Section 8.2 of RFC 1950. */
function adler32(bytes: Uint8Array): number {
  let low = 1;
  let high = 0;
  for (let start = 0; start < bytes.length; start += reduceAfter) {
    const end = Math.min(bytes.length, start + reduceAfter);
    for (let i = start; i < end; i++) {
      low += bytes[i] as number;
      high += low;
    }
    low %= 65521;
    high %= 65521;
  }
  return ((high << 16) | low) >>> 0;
}
