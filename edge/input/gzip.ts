import { inflateRaw } from '../../shared/image/inflate.ts';
import { crc32 } from '../../shared/image/png-chunks.ts';
import { imageDecoders } from './image-decoders.ts';

/** Deflate expands by no more than this (zlib.net/zlib_tech.html). */
const maxExpansion = 1032;

const flags = { headerChecksum: 2, extra: 4, name: 8, comment: 16 } as const;

/**
 * Inflates a gzip file of one member (RFC 1952) into one buffer of the size that it states. Our own: a `DecompressionStream` inflates all that
 * it is given before anyone can stop it, a thousand times what a client has sent.
 *
 * @param maxBytes the limit of the inflated size
 * @param reserve called with the inflated size before its memory is allocated
 * @returns `null` if the inflated size exceeds the limit
 * @throws {Error} if the file is corrupt, cut off or longer than its data
 */
export async function gunzip(
  file: Uint8Array,
  maxBytes: number,
  reserve: (bytes: number) => void,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const start = headerLength(file);
  if (file.byteLength < start + 8) throw new Error('it is cut off');
  const stated = view.getUint32(file.byteLength - 4, true);
  if (stated > maxExpansion * file.byteLength) throw new Error('its size is wrong');
  const isTooLarge = stated > maxBytes;
  if (!isTooLarge) reserve(stated);
  const inflated = new Uint8Array(isTooLarge ? 0 : stated);
  let length = 0;
  const open = await imageDecoders.compiledDecoder();
  const dataBytes = inflateRaw(open, file.subarray(start), (piece) => {
    const before = length;
    length += piece.byteLength;
    if (length > (isTooLarge ? maxBytes : stated)) return false;
    if (!isTooLarge) inflated.set(piece, before);
    return true;
  });
  if (length > maxBytes) return null;
  if (length !== stated) throw new Error('it is cut off, or its size is wrong');
  if (dataBytes !== file.byteLength - start - 8) throw new Error('its data ends too early');
  if (crc32(inflated) !== view.getUint32(file.byteLength - 8, true)) {
    throw new Error('its checksum is wrong');
  }
  return inflated;
}

/** Section 2.3. */
function headerLength(file: Uint8Array): number {
  if (file[0] !== 0x1f || file[1] !== 0x8b || file[2] !== 8) throw new Error('it is not gzip');
  const flag = file[3] ?? 0;
  let at = 10;
  if (flag & flags.extra) at += 2 + ((file[at] ?? 0) | ((file[at + 1] ?? 0) << 8));
  for (const text of [flags.name, flags.comment]) {
    if (!(flag & text)) continue;
    const end = file.indexOf(0, at);
    if (end < 0) throw new Error('its header is cut off');
    at = end + 1;
  }
  return flag & flags.headerChecksum ? at + 2 : at;
}
