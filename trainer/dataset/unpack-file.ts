import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { CorruptFileError } from './errors.ts';
import type { KnownFile } from './known-datasets.ts';

const unpack = promisify(gunzip);

/**
 * Uncompresses a file where it is a `.gz`, and checks it against the known hash.
 *
 * @param origin the file's path or URL, for the error
 * @throws {CorruptFileError} where it can't be uncompressed or has another hash
 */
export async function unpackFile(
  file: KnownFile,
  bytes: Uint8Array,
  origin: string,
): Promise<Uint8Array> {
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  let content = bytes;
  if (isGzip) {
    try {
      content = await unpack(bytes, { maxOutputLength: file.bytes });
    } catch (unpackError) {
      throw new CorruptFileError(origin, file.sha256, { unpackError });
    }
  }
  const sha256 = createHash('sha256').update(content).digest('hex');
  if (sha256 !== file.sha256) throw new CorruptFileError(origin, file.sha256, { sha256 });
  return content;
}
