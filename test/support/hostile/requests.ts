import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import sharp from 'sharp';
import * as jpeg from './jpeg.ts';
import { plainBmp, plainGif } from './other-formats.ts';
import * as png from './png.ts';

/** The most expensive POST of its kind. */
export interface HostileRequest {
  path: string;
  type: string;
  body: Uint8Array;
  encoding?: string;
}

const predict = (body: Uint8Array, type = 'application/octet-stream'): HostileRequest => ({
  path: '/predict?alias=production',
  type,
  body,
});
const json = (text: string): HostileRequest => predict(Buffer.from(text), 'application/json');

const cases = join(import.meta.dirname, '../../fixtures/image-cases');

/** Returns a grey picture that compresses badly. */
function noise(width: number, height: number): Uint8Array {
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  };
  return Uint8Array.from({ length: width * height }, random);
}

const grey = (width: number, height: number) =>
  sharp(noise(width, height), { raw: { width, height, channels: 1 } });

const all = [1, 2, 3];
const acBand = (components: number[], bits = 0) => ({ components, first: 1, final: 63, bits });
/** Progressive scans: all first coefficients, then bit after bit of each component. */
const manyScans = (refinements: number): jpeg.Band[] => [
  { components: all, first: 0, final: 0, bits: 13 },
  ...all.map((id) => acBand([id], 13)),
  ...Array.from({ length: refinements }, (_, i) => i % 12).flatMap((i) =>
    all.map((id) => acBand([id], 16 * (13 - i) + 12 - i)),
  ),
];

function formOf64(file: Uint8Array): HostileRequest {
  const each = [
    Buffer.from('--b\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n'),
    file,
    Buffer.from('\r\n'),
  ];
  const body = Buffer.concat([...Array(64).fill(each).flat(), Buffer.from('--b--\r\n')]);
  return predict(body, 'multipart/form-data; boundary=b');
}

/** The worst request of each kind, by name. The first ones differ most. */
export const hostileRequests: Record<string, () => Promise<HostileRequest> | HostileRequest> = {
  'JPEG with two frame headers': async () =>
    predict(await readFile(join(cases, 'jpeg-with-two-frame-headers.jpg'))),
  'PNG of 16 megapixels, RGBA': () => predict(png.plainPng({ width: 4000, height: 4000 })),
  'WebP of 2.1 megapixels, lossless': async () =>
    predict(await grey(2000, 1050).webp({ lossless: true, effort: 0 }).toBuffer()),
  'base64 of 7.4 MB in JSON': () =>
    json(JSON.stringify({ image: Buffer.from(noise(5_500_000, 1)).toString('base64') })),
  'JPEG of 50 megapixels, progressive 4:4:4': () =>
    predict(jpeg.plainJpeg({ width: 10_000, height: 5000, marker: 0xc2, scans: manyScans(2) })),

  'JPEG of 50 megapixels, baseline': () => predict(jpeg.plainJpeg({ width: 10_000, height: 5000 })),
  'JPEG of 50 megapixels, CMYK': () =>
    predict(jpeg.plainJpeg({ width: 10_000, height: 5000, components: 4 })),
  'JPEG of 12 megapixels, progressive, as many scans as fit': () =>
    predict(jpeg.plainJpeg({ width: 3580, height: 3580, marker: 0xc2, scans: manyScans(60) })),
  'JPEG of one block with 500,000 scans': () => {
    const one = [jpeg.scan({ components: [1], first: 0, final: 63 }), jpeg.zeroBits(2)];
    const head = [
      jpeg.startOfImage,
      jpeg.quantizers(),
      jpeg.huffman(0, 0, [0]),
      jpeg.huffman(1, 0, [0]),
      jpeg.frame({ width: 8, height: 8, components: 1 }),
    ];
    return predict(Buffer.concat([...head, ...Array(500_000).fill(one).flat()]));
  },
  'JPEG with two million comments': () =>
    predict(
      Buffer.concat([
        jpeg.startOfImage,
        Buffer.concat(Array(2_000_000).fill(jpeg.segment(0xfe, []))),
        jpeg.frame({ width: 8, height: 8, components: 1 }),
      ]),
    ),
  'JPEG with 400,000 Huffman tables': () =>
    predict(
      Buffer.concat([
        jpeg.startOfImage,
        jpeg.quantizers(),
        Buffer.concat(Array(400_000).fill(jpeg.huffman(0, 0, [0]))),
        jpeg.huffman(1, 0, [0]),
        jpeg.frame({ width: 8, height: 8, components: 1 }),
        jpeg.scan({ components: [1], first: 0, final: 63 }),
        jpeg.zeroBits(2),
      ]),
    ),
  'JPEG of 20 MB of coefficients': () => predict(jpeg.denseScans(1500, 36)),
  'JPEG of restart markers': () =>
    predict(Buffer.concat([jpeg.startOfImage, Buffer.alloc(10_000_000, Buffer.of(0xff, 0xd0))])),

  'PNG of 16 megapixels, 16 bits': () =>
    predict(png.plainPng({ width: 4000, height: 4000, depth: 16 })),
  'PNG of 16 megapixels, palette of 1 bit': () => {
    const parts = { width: 4000, height: 4000, depth: 1, colorType: 3 };
    return predict(
      Buffer.concat([
        png.signature,
        png.header(parts),
        png.chunk('PLTE', new Uint8Array(6)),
        png.chunk('IDAT', png.rows(parts)),
      ]),
    );
  },
  'PNG of one-byte chunks': () =>
    predict(
      png.crumbledPng(
        { width: 1000, height: 700, colorType: 0 },
        deflateSync(noise(1001, 700).map((value, i) => (i % 1001 === 0 ? 0 : value))),
      ),
    ),
  'PNG of 800,000 empty chunks': () =>
    predict(
      Buffer.concat([
        png.signature,
        png.header({ width: 28, height: 28 }),
        Buffer.concat(Array(800_000).fill(png.chunk('tEXt', new Uint8Array()))),
      ]),
    ),
  'PNG of 800,000 tables of codes': () => {
    const stream = [
      Uint8Array.of(0x78, 1),
      png.emptyBlocks(800_000),
      deflateRawSync(noise(29, 28)),
    ];
    return predict(png.plainPng({ width: 28, height: 28, colorType: 0 }, Buffer.concat(stream)));
  },
  'PNG of 1 megapixel, interlaced': () => {
    const parts = { width: 1000, height: 1000 };
    const data = png.rows({ ...parts, height: 1050 });
    return predict(png.plainPng({ ...parts, interlaced: true }, data));
  },
  'PNG of 16 megapixels that shrinks little': () =>
    predict(png.plainPng({ width: 895, height: 17_877 })),
  'GIF of 16 megapixels': () => predict(plainGif(4000, 4000)),
  'BMP of 16 megapixels': () => predict(plainBmp(4000, 4000)),
  'WebP of 2.1 megapixels, lossy': async () =>
    predict(await grey(2000, 1050).webp({ quality: 90, effort: 0 }).toBuffer()),

  'JSON with 900,000 keys': () =>
    json(`{${Array.from({ length: 900_000 }, (_, i) => `"${i}":0`).join()}}`),
  'JSON with 99,000 objects': () => json(`{"images":[${'{},'.repeat(99_000)}{}]}`),
  'JSON with one key of 10 MB': () => json(`{"${'a'.repeat(10_000_000)}":0}`),
  'Open Inference Protocol with 90,000 inputs': () => ({
    ...json(`{"inputs":[${'{},'.repeat(90_000)}{}]}`),
    path: '/v2/models/fashion-mnist-cnn/infer',
  }),
  'TensorFlow Serving with 90,000 instances': () => ({
    ...json(`{"instances":[${'{},'.repeat(90_000)}{}]}`),
    path: '/v1/models/fashion-mnist-cnn:predict',
  }),
  'gzip of 10 MB': () => ({
    ...predict(gzipSync(Buffer.alloc(10_000_000))),
    encoding: 'gzip',
  }),
  'gzip of 200 MB': () => ({
    ...predict(gzipSync(Buffer.alloc(200_000_000))),
    encoding: 'gzip',
  }),
  'deflate of 20 MB': () => ({
    ...predict(deflateSync(Buffer.alloc(20_000_000))),
    encoding: 'deflate',
  }),
  'deflate of 200 MB': () => ({
    ...predict(deflateRawSync(Buffer.alloc(200_000_000))),
    encoding: 'deflate',
  }),
  'base64 of 10 MB as text': () =>
    predict(Buffer.from(`iVBORw0KGgo${'A'.repeat(10_000_000)}`), 'text/plain'),
  'url-encoded base64 of 10 MB': () =>
    predict(Buffer.from(`image=${'A+'.repeat(5_000_000)}`), 'application/x-www-form-urlencoded'),
  'part of a multipart form in base64 of 10 MB': () =>
    predict(
      Buffer.from(
        `--b\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n\r\n${'A'.repeat(10_000_000)}\r\n--b--`,
      ),
      'multipart/form-data; boundary=b',
    ),
  'multipart form of 20 MB of almost delimiters': () =>
    predict(
      Buffer.from(`--b\r\n\r\n${'\n--'.repeat(6_600_000)}`),
      'multipart/form-data; boundary=b',
    ),
  'form with 64 images': async () =>
    formOf64(await grey(560, 560).jpeg({ quality: 20, progressive: true }).toBuffer()),
  'form with 64 JPEGs of 2300 scans': () => formOf64(jpeg.emptyScans(480, 2300)),
};
