import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { CorruptFileError } from './errors.ts';
import type { KnownFile } from './known-datasets.ts';

const unpack = promisify(gunzip);

/**
 * Uncompresses a file where it is a `.gz`, and checks it against the hash that is known of it.
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
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  let content = bytes;
  if (isGzip) {
    try {
      content = await unpack(bytes, { maxOutputLength: file.bytes });
    } catch (unpackError) {
      throw new CorruptFileError(origin, file, { unpackError });
    }
  }
  const sha256 = sha256Of(content);
  if (file.sha256 !== undefined) {
    if (sha256 !== file.sha256) throw new CorruptFileError(origin, file, { sha256 });
  } else if (isGzip && sha256Of(bytes) !== file.gzipSha256) {
    throw new CorruptFileError(origin, file, { sha256: sha256Of(bytes) });
  }
  return { content, sha256 };
}

const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
