import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { damage, damages } from '../../support/corpus/mutate.ts';
import { damagedJson } from './damaged-json.ts';
import type { Headers } from './headers.ts';
import { mostly } from './hostile.ts';
import { structuredImages } from './structured-images.ts';

/** A body with the headers that describe it. */
export interface Body {
  bytes: Uint8Array;
  headers: Headers;
}

/** The material of bodies. */
export interface Material {
  /** Grey pixels of the test images, 784 bytes each. */
  pixels: Uint8Array;
  /** Image files of every format. */
  files: Uint8Array<ArrayBuffer>[];
}

const imageBytes = 784;
/** The limits: one byte more is refused. */
const mostBytes = 20 * 2 ** 20;
const mostTextBytes = 10 * 2 ** 20;

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

const jsonTypes = fc.constantFrom(
  'application/json',
  'application/json',
  'application/json; charset=utf-8',
  'text/plain',
  'application/x-www-form-urlencoded',
  'application/problem+json',
  'APPLICATION/JSON',
  '',
);
const fileTypes = fc.constantFrom(
  'image/png',
  'image/jpeg',
  'image/webp',
  'image/gif',
  'image/bmp',
  'image/heic',
  '',
  'application/octet-stream',
  'application/octet-stream',
  'text/html',
  'image/png; x=y',
);

const withType = (bytes: Uint8Array, type: string): Body => ({
  bytes,
  headers: type === '' ? {} : { 'content-type': type },
});

/** @returns bodies of malformed JSON */
export const jsonBodies = (values: fc.Arbitrary<unknown>): fc.Arbitrary<Body> =>
  fc.tuple(damagedJson(values), jsonTypes).map(([text, type]) => withType(bytesOf(text), type));

/** @returns image files and raw pixels, about half of them corrupt */
export const fileBytes = ({ files, pixels }: Material): fc.Arbitrary<Uint8Array<ArrayBuffer>> => {
  const raw = fc
    .nat(pixels.length / imageBytes - 1)
    .map((i) => Uint8Array.from(pixels.subarray(i * imageBytes, (i + 1) * imageBytes)));
  const file = fc.oneof(
    raw,
    fc.nat(files.length - 1).map((i) => files[i] ?? new Uint8Array()),
  );
  return fc.oneof(
    file,
    fc.tuple(file, damages).map(([bytes, change]) => damage(bytes, change)),
    structuredImages,
    fc.uint8Array({ maxLength: 2000 }).map((bytes) => Uint8Array.from(bytes)),
  );
};

export const fileBodies = (material: Material): fc.Arbitrary<Body> =>
  fc.tuple(fileBytes(material), fileTypes).map(([bytes, type]) => withType(bytes, type));

/** Forms, written by hand so that they may be wrong. */
export function formBodies(material: Material): fc.Arbitrary<Body> {
  const part = fc.record({
    head: fc.constantFrom(
      'Content-Disposition: form-data; name="a"; filename="a.png"\r\nContent-Type: image/png\r\n',
      'Content-Disposition: form-data; name="a"\r\n',
      'Content-Disposition: form-data; name=image; filename=a.png\r\n',
      'Content-Disposition: form-data; name="image"\r\nContent-Transfer-Encoding: base64\r\n',
      'Content-Disposition: form-data; name=""; filename=""\r\n',
      'Content-Disposition: form-data; filename="a"\r\n',
      'Content-Type: image/png\r\n',
      '',
    ),
    bytes: fileBytes(material),
  });
  const parts = fc.oneof(
    fc.array(part, { maxLength: 4 }),
    // At most 64 are accepted.
    fc
      .tuple(part, fc.integer({ min: 60, max: 70 }))
      .map(([each, count]) => Array(count).fill(each)),
  );
  const declared = mostly(
    fc.constant('multipart/form-data; boundary=b'),
    fc.constantFrom(
      'multipart/form-data',
      'multipart/form-data; boundary=',
      'multipart/form-data; boundary=x',
    ),
  );
  return fc
    .tuple(
      parts,
      declared,
      mostly(fc.constant('--b--\r\n'), fc.constantFrom('', '--b--', '--b', '--')),
    )
    .map(([all, type, end]) => {
      const chunks = all.flatMap(({ head, bytes }) => [
        Buffer.from(`--b\r\n${head}\r\n`),
        Buffer.from(bytes),
        Buffer.from('\r\n'),
      ]);
      return withType(Buffer.concat([...chunks, Buffer.from(end)]), type);
    });
}

/** JSON with many members and nested arrays, up to the limits and beyond. */
const largeJson = fc
  .record({
    list: fc.constantFrom('images', 'instances', 'inputs', ''),
    unit: fc.constantFrom('{}', '[]', '{"b64":""}', '{"name":"images"}', '0', '"a"', '[[[0]]]'),
    count: fc.constantFrom(64, 65, 10_000, 99_000, 200_000),
    depth: fc.integer({ min: 0, max: 12 }),
    hasKeys: fc.boolean(),
  })
  .map(({ list, unit, count, depth, hasKeys }) => {
    const units = Array.from({ length: count }, (_, i) => (hasKeys ? `"${i}":${unit}` : unit));
    const [open, close] = hasKeys ? ['{', '}'] : ['[', ']'];
    const value = `${'['.repeat(depth)}${open}${units.join()}${close}${']'.repeat(depth)}`;
    return list === '' ? value : `{"${list}":${value}}`;
  });

/** Bodies around the size limit, and JSON around its limits. */
const largeBodies: fc.Arbitrary<Body> = fc.oneof(
  fc.tuple(largeJson, jsonTypes).map(([text, type]) => withType(bytesOf(text), type)),
  fc
    .tuple(
      fc.oneof(
        fc.integer({ min: mostBytes - 1, max: mostBytes + 1 }),
        // Refused long before its end.
        fc.constant(30 * 2 ** 20),
      ),
      fileTypes,
    )
    .map(([length, type]) => withType(new Uint8Array(length), type)),
  fc
    .tuple(fc.integer({ min: 999_990, max: 1_000_010 }), jsonTypes)
    .map(([commas, type]) => withType(bytesOf(`[${'0,'.repeat(commas)}0]`), type)),
  fc
    .tuple(
      fc.integer({ min: 1, max: mostTextBytes }),
      fc.constantFrom('A', ' ', '\\u0041'),
      jsonTypes,
    )
    .map(([length, unit, type]) =>
      withType(bytesOf(`"${unit.repeat(length / unit.length)}"`), type),
    ),
);

const junk = fc.oneof(
  fc.constantFrom('', ' ', '{}', '[]', '""', 'null', '\0').map(bytesOf),
  fc.uint8Array({ maxLength: 100 }),
);

/** @returns the bodies, sometimes replaced, sometimes compressed or declared as compressed */
export function anyBody(bodies: fc.Arbitrary<Body>): fc.Arbitrary<Body> {
  const others = fc.tuple(junk, fileTypes).map(([bytes, type]) => withType(bytes, type));
  const plain = fc.oneof(
    { weight: 180, arbitrary: bodies },
    { weight: 19, arbitrary: others },
    { weight: 1, arbitrary: largeBodies },
  );
  return fc.oneof(
    { weight: 8, arbitrary: plain },
    { weight: 2, arbitrary: fc.tuple(plain, encodings).map(([body, encode]) => encode(body)) },
  );
}

const encodedAs = (encoding: string, { headers }: Body, bytes: Uint8Array): Body => ({
  bytes,
  headers: { ...headers, 'content-encoding': encoding },
});

const encodings = fc.constantFrom<((body: Body) => Body)[]>(
  (body) => encodedAs('gzip', body, gzipSync(body.bytes)),
  (body) => encodedAs('x-gzip', body, gzipSync(body.bytes)),
  (body) => encodedAs('gzip', body, gzipSync(gzipSync(body.bytes))),
  (body) => encodedAs('gzip', body, body.bytes),
  (body) => encodedAs('gzip', body, gzipSync(body.bytes).subarray(0, -9)),
  (body) => encodedAs('gzip', body, Buffer.concat([gzipSync(body.bytes), Buffer.from('more')])),
  (body) => encodedAs('gzip', body, gzipSync(new Uint8Array(mostBytes + 1))),
  (body) => encodedAs('deflate', body, deflateSync(body.bytes)),
  (body) => encodedAs('deflate', body, deflateRawSync(body.bytes)),
  (body) => encodedAs('deflate', body, deflateSync(body.bytes).subarray(0, -5)),
  (body) => encodedAs('deflate', body, deflateSync(new Uint8Array(mostBytes + 1))),
  (body) => encodedAs('deflate', body, body.bytes),
  (body) => encodedAs('br', body, brotliCompressSync(body.bytes)),
  (body) => encodedAs('gzip, gzip', body, body.bytes),
  (body) => encodedAs('', body, body.bytes),
  (body) => ({ ...body, bytes: gzipSync(body.bytes) }),
);
