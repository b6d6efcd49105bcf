import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { CorruptFileError } from './errors.ts';
import type { KnownFile } from './known-datasets.ts';

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
