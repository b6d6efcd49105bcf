import { encode } from 'fast-png';
import { gzipSync, zlibSync } from 'fflate';
import { beforeAll, describe, expect, it } from 'vitest';
import { openBucket, testImage } from '../../support/edge/bucket.ts';
import { type Answer, openApp, type TestApp } from '../../support/edge/open-app.ts';
import { writeBmp } from '../../support/edge/write-bmp.ts';
import { header, writePng } from '../../support/edge/write-png.ts';

let app: TestApp;
let good: Answer;

beforeAll(async () => {
  const bucket = openBucket();
  await bucket.moveAlias(await bucket.publish('one'));
  app = openApp(bucket);
  good = await (await app.post(testImage(0))).json();
});

/** Posts a small body that would expand, and checks that the next request is answered. */
async function expectRefusal(
  bytes: Uint8Array | FormData,
  problem: { status: number; code: string },
  contentEncoding?: string,
) {
  if (bytes instanceof Uint8Array) expect(bytes.byteLength).toBeLessThan(100_000);
  const response = await app.request('/predict', {
    method: 'POST',
    body: bytes instanceof Uint8Array ? Uint8Array.from(bytes) : bytes,
    ...(contentEncoding ? { headers: { 'content-encoding': contentEncoding } } : {}),
  });
  expect(await response.json()).toMatchObject(problem);
  expect(await (await app.post(testImage(0))).json()).toEqual(good);
}

const tooLarge = { status: 413, code: 'image_too_large' };
const corrupt = { status: 422, code: 'bad_image' };
const text = (characters: string) => Array.from(characters, (letter) => letter.charCodeAt(0));
const zeros = (count: number) => new Uint8Array(count);

describe('a decompression bomb', () => {
  it('of PNG is refused: a huge size, more data than the size needs', async () => {
    const data: [string, Uint8Array] = ['IDAT', zlibSync(zeros(8_000_000))];
    await expectRefusal(writePng(header(60_000, 60_000, 8, 0), [data]), tooLarge);
    await expectRefusal(writePng(header(5000, 5000, 8, 0), [data]), tooLarge);
    const surplus = await app.post(writePng(header(28, 28, 8, 0), [data]));
    expect(surplus.status).toBe(200);
  });

  it('of JPEG is refused: a huge size, a larger second frame, endless scans', async () => {
    const frame = (size: number) => [
      0xff,
      0xc2,
      0,
      11,
      8,
      size >> 8,
      size & 255,
      size >> 8,
      size & 255,
      1,
      1,
      0x11,
      0,
    ];
    const scan = [0xff, 0xda, 0, 8, 1, 1, 0, 1, 63, 0x10, 0];
    const jpeg = (...parts: number[][]) =>
      Uint8Array.from([0xff, 0xd8, ...parts.flat(), 0xff, 0xd9]);
    await expectRefusal(jpeg(frame(65_535), scan), tooLarge);
    await expectRefusal(jpeg(frame(8), frame(65_535), scan), corrupt);
    await expectRefusal(jpeg(frame(1900), ...Array(8000).fill(scan)), corrupt);
    // The second frame lies behind the first scan.
    await expectRefusal(jpeg(frame(8), scan, frame(60_000), scan), corrupt);
  });

  it('of WebP is refused: a huge size, lossy, lossless and animated', async () => {
    const chunk = (type: string, data: number[]) => [
      ...text(type),
      data.length & 255,
      data.length >> 8,
      0,
      0,
      ...data,
    ];
    const webp = (...chunks: number[][]) =>
      Uint8Array.from([...text('RIFF'), 0, 1, 0, 0, ...text('WEBP'), ...chunks.flat()]);
    const lossless = chunk('VP8L', [0x2f, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 0, 0]);
    const lossy = chunk('VP8 ', [0, 0, 0, 0x9d, 1, 0x2a, 0xff, 0x3f, 0xff, 0x3f]);
    await expectRefusal(webp(lossless), tooLarge);
    await expectRefusal(webp(lossy), tooLarge);
    const extended = chunk('VP8X', [2, 0, 0, 0, 27, 0, 0, 27, 0, 0]);
    const animation = chunk('ANMF', [...zeros(16), ...lossless]);
    await expectRefusal(webp(extended, animation), corrupt);
  });

  it('of GIF is refused: a huge size, a frame larger than the picture', async () => {
    const gif = (width: number, frameWidth: number) =>
      Uint8Array.from([
        ...text('GIF89a'),
        width & 255,
        width >> 8,
        width & 255,
        width >> 8,
        0x80,
        0,
        0,
        0,
        0,
        0,
        1,
        1,
        1,
        0x2c,
        0,
        0,
        0,
        0,
        frameWidth & 255,
        frameWidth >> 8,
        frameWidth & 255,
        frameWidth >> 8,
        0,
        2,
        1,
        0x4c,
        0,
        0x3b,
      ]);
    await expectRefusal(gif(65_535, 28), tooLarge);
    await expectRefusal(gif(28, 65_535), tooLarge);
  });

  it('of BMP is refused: a huge size, runs longer than the picture', async () => {
    const size = { bitsPerPixel: 8, compression: 1, palette: [0, 0, 0, 0] };
    await expectRefusal(writeBmp({ ...size, width: 2 ** 31 - 1, height: 1, data: [] }), tooLarge);
    await expectRefusal(writeBmp({ ...size, width: 1, height: -(2 ** 31), data: [] }), tooLarge);
    const runs = Array.from({ length: 40_000 }, (_, i) => (i % 2 === 0 ? 255 : 0));
    await expectRefusal(writeBmp({ ...size, width: 28, height: 28, data: runs }), corrupt);
  });

  it('of gzip is refused: a body that inflates beyond the limit', async () => {
    const bomb = gzipSync(zeros(50_000_000));
    await expectRefusal(bomb, { status: 413, code: 'body_too_large' }, 'gzip');
  });

  it('of many images is decoded only as far as one request may take, even if each is small enough', async () => {
    const side = 1900;
    const png = encode({
      width: side,
      height: side,
      data: zeros(side ** 2),
      channels: 1,
      depth: 8,
    });
    const form = new FormData();
    for (let i = 0; i < 5; i++) form.append('image', new File([Uint8Array.from(png)], `${i}.png`));
    const { predictions } = (await (
      await app.request('/predict', { method: 'POST', body: form })
    ).json()) as Answer;
    const refused = predictions.map(({ error }: Answer) => error?.code);
    // 3.61 megapixels each.
    expect(refused).toEqual([undefined, undefined, undefined, undefined, 'image_too_large']);
  });
});
