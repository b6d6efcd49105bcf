import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { unpackFile } from '../../../trainer/data/parse-dataset.ts';

const content = Buffer.from('the images');
const compressed = gzipSync(content);
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const file = { name: 'images', bytes: content.length };
/** As KMNIST's files are known. */
const knownCompressed = { ...file, gzipSha256: sha256(compressed) };

test('a file known by its compressed bytes is checked where it is compressed', async () => {
  const unpacked = await unpackFile(knownCompressed, compressed, 'there');
  expect(Buffer.from(unpacked.content)).toEqual(content);
  expect(unpacked.sha256).toBe(sha256(content));
  const other = gzipSync(Buffer.from('the others'));
  await expect(unpackFile(knownCompressed, other, 'there')).rejects.toMatchObject({
    message: `there is corrupt: compressed it should have SHA-256 ${sha256(compressed)}, but it has SHA-256 ${sha256(other)}`,
    actualSha256: sha256(other),
  });
});

test('uncompressed, it is taken as it is, and its hash recorded', async () => {
  expect(await unpackFile(knownCompressed, content, 'there')).toEqual({
    content,
    sha256: sha256(content),
  });
});

test('no file unpacks to more than it should have', async () => {
  const known = { ...file, sha256: sha256(content) };
  const bomb = gzipSync(Buffer.alloc(1_000_000));
  await expect(unpackFile(known, bomb, 'there')).rejects.toThrow("can't be unpacked");
});
