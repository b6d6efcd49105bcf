import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { unpackFile } from '../../../trainer/data/parse-dataset.ts';

const content = Buffer.from('the images');
const compressed = gzipSync(content);
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const file = { name: 'images', bytes: content.length };
/** A file of which only the hash of the .gz is known, as of KMNIST's. */
const knownCompressed = { ...file, sha256: sha256(compressed), hashedForm: 'compressed' as const };

test('checks a compressed file by the hash of its .gz', async () => {
  const unpacked = await unpackFile(knownCompressed, compressed, 'there');
  expect(Buffer.from(unpacked.content)).toEqual(content);
  expect(unpacked.sha256).toBe(sha256(content));
  const other = gzipSync(Buffer.from('the others'));
  await expect(unpackFile(knownCompressed, other, 'there')).rejects.toMatchObject({
    message: `there is corrupt: expected SHA-256 ${sha256(compressed)} (compressed), but it has ${sha256(other)}`,
  });
});

test('accepts the file uncompressed, and records its hash', async () => {
  expect(await unpackFile(knownCompressed, content, 'there')).toEqual({
    content,
    sha256: sha256(content),
  });
});

test('no file unpacks beyond its expected size', async () => {
  const known = { ...file, sha256: sha256(content), hashedForm: 'uncompressed' as const };
  const bomb = gzipSync(Buffer.alloc(1_000_000));
  await expect(unpackFile(known, bomb, 'there')).rejects.toThrow("can't be unpacked");
});
