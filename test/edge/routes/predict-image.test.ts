import { decode, encode } from 'fast-png';
import { deflateSync, gzipSync, strToU8, zlibSync } from 'fflate';
import { encode as encodeJpeg } from 'jpeg-js';
import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { loadVersion } from '../../../edge/model/load-version.ts';
import { predictionSchema, servedModelSchema } from '../../../shared/model/prediction.ts';
import { openBucket, testImage } from '../../support/edge/bucket.ts';
import { type Answer, openApp, type TestApp } from '../../support/edge/open-app.ts';

const bucket = openBucket();
let app: TestApp;
let version: string;
/** The answers of GET /predict?index= without the fields that only they have. */
const byIndex: Answer[] = [];
beforeAll(async () => {
  version = await bucket.publish('one');
  await bucket.moveAlias(version);
  await bucket.uploadTestSet();
  app = openApp(bucket);
  for (let index = 0; index < 5; index++) {
    const { predicted, probabilities, model } = await app.json(`/predict?index=${index}`);
    byIndex.push({ predicted, probabilities, model });
  }
});

const png = (index: number) =>
  encode({ width: 28, height: 28, data: testImage(index), channels: 1, depth: 8 });
const rows = (index: number) =>
  Array.from({ length: 28 }, (_, y) => Array.from(testImage(index).subarray(28 * y, 28 * (y + 1))));

async function answerTo(...request: Parameters<TestApp['post']>): Promise<Answer> {
  const response = await app.post(...request);
  const answer = await response.json();
  expect({ status: response.status, answer }).toMatchObject({ status: 200 });
  return answer;
}

describe('POST /predict with one image', () => {
  it('answers in the documented shape', async () => {
    const answer = await answerTo(png(0), 'image/png');
    const schema = z.strictObject({ ...predictionSchema.shape, model: servedModelSchema });
    expect(schema.parse(answer)).toEqual(answer);
    expect(answer.model).toEqual({ name: 'fashion-mnist-cnn', version, alias: 'production' });
  });

  it('answers the PNG of a test image like its index', async () => {
    for (const [index, expected] of byIndex.entries()) {
      expect(await answerTo(png(index), 'image/png')).toEqual(expected);
    }
  });

  it('ignores the content type', async () => {
    const types = [
      'image/jpeg',
      'text/plain',
      'application/json',
      'application/octet-stream',
      'application/x-www-form-urlencoded',
      undefined,
    ];
    for (const type of types) expect(await answerTo(png(1), type)).toEqual(byIndex[1]);
  });

  it('accepts the PNG of /images/N.png, and one with colours and alpha', async () => {
    const own = await app.request('/images/2.png');
    expect(await answerTo(await own.arrayBuffer(), 'image/png')).toEqual(byIndex[2]);
    const rgba = encode({ width: 28, height: 28, data: rgbaOf(2), channels: 4, depth: 8 });
    expect(await answerTo(rgba, 'image/png')).toEqual(byIndex[2]);
  });

  it('reads a JPEG', async () => {
    const { data } = encodeJpeg({ width: 28, height: 28, data: rgbaOf(0) }, 100);
    const answer = await answerTo(new Uint8Array(data), 'image/jpeg');
    expect(answer.predicted.id).toBe(byIndex[0].predicted.id);
    for (const [id, { probability }] of answer.probabilities.entries()) {
      expect(probability).toBeCloseTo(byIndex[0].probabilities[id].probability, 3);
    }
  });

  it('reads 784 raw bytes', async () => {
    expect(await answerTo(testImage(3), 'application/octet-stream')).toEqual(byIndex[3]);
    expect(await answerTo(testImage(3))).toEqual(byIndex[3]);
  });

  it.each([
    ['like JSON', '[', 0x50],
    ['like a text', 'A', 0x60],
    ['like JSON, but not in UTF-8', '{', 0xb0],
  ])('reads raw bytes that start %s', async (_, first, level) => {
    const pixels = new Uint8Array(784).fill(level);
    pixels[0] = first.charCodeAt(0);
    const expected = await answerTo(JSON.stringify(Array.from(pixels)), 'application/json');
    expect(await answerTo(pixels, 'application/octet-stream')).toEqual(expected);
    if (level >= 0x80) expect(await answerTo(pixels)).toEqual(expected);
  });

  it('reads JSON pixels: flat or nested, 0..255 or [0, 1], bare or in an object', async () => {
    const flat = Array.from(testImage(4));
    const forms = [
      flat,
      rows(4),
      { pixels: flat },
      { pixels: rows(4) },
      flat.map((pixel) => pixel / 255),
      { pixels: rows(4).map((row) => row.map((pixel) => pixel / 255)) },
    ];
    for (const form of forms) {
      expect(await answerTo(JSON.stringify(form), 'application/json')).toEqual(byIndex[4]);
    }
    const asForm = 'application/x-www-form-urlencoded';
    expect(await answerTo(` ${JSON.stringify(flat)}`, asForm)).toEqual(byIndex[4]);
  });

  it('reads a file in JSON: base64, its URL alphabet, a data URL', async () => {
    const base64 = btoa(String.fromCharCode(...png(1)));
    const forms = [
      base64,
      `data:image/png;base64,${base64}`,
      { image: base64 },
      { image: `data:;base64,${base64.replaceAll('+', '-').replaceAll('/', '_')}` },
      { b64: base64.replaceAll('=', '') },
      { image: btoa(String.fromCharCode(...testImage(1))) },
    ];
    for (const form of forms) {
      expect(await answerTo(JSON.stringify(form), 'application/json')).toEqual(byIndex[1]);
      expect(await answerTo(JSON.stringify(form))).toEqual(byIndex[1]);
    }
  });

  it.each([
    ['gzip', gzipSync],
    ['X-GZIP', gzipSync],
    ['deflate', zlibSync],
    ['deflate', deflateSync],
  ])('inflates a body of %s, whatever it contains', async (encoding, compress) => {
    const bodies = [png(2), testImage(2), strToU8(JSON.stringify(rows(2)))];
    for (const body of bodies) {
      const answer = await app.json('/predict', {
        method: 'POST',
        body: Uint8Array.from(compress(body)),
        headers: { 'content-encoding': encoding },
      });
      expect(answer).toEqual(byIndex[2]);
    }
  });

  it('returns the image that the network saw, on request', async () => {
    const pixelsSeen = ({ input }: Answer) => {
      const [type, base64 = ''] = input.split(',');
      expect(type).toBe('data:image/png;base64');
      const { width, height, data } = decode(
        Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0)),
      );
      expect([width, height]).toEqual([28, 28]);
      return Uint8Array.from(data);
    };
    const { input, crop, ...answer } = await answerTo(png(0), 'image/png', '?echo=true');
    expect(answer).toEqual(byIndex[0]);
    expect(crop).toEqual({ x: 0, y: 0, width: 28, height: 28 });
    expect(pixelsSeen({ input })).toEqual(testImage(0));
    const large = encode({ width: 56, height: 56, data: enlarge(testImage(0)), channels: 1 });
    const inverted = await answerTo(large, 'image/png', '?echo=true&invert=true');
    expect(pixelsSeen(inverted)).toEqual(testImage(0).map((pixel) => 255 - pixel));
    const shares = JSON.stringify(rows(3).map((row) => row.map((pixel) => pixel / 255)));
    expect(pixelsSeen(await answerTo(shares, undefined, '?echo=true'))).toEqual(testImage(3));
    expect(await answerTo(png(0), 'image/png', '?echo=false')).toEqual(byIndex[0]);
  });

  it('reads a multipart field of any name', async () => {
    const form = new FormData();
    form.append('whatever', new File([png(0)], 'boot.png', { type: 'text/plain' }));
    form.append('note', 'not a file');
    expect(await answerTo(form)).toEqual(byIndex[0]);
  });

  it('inverts files and pixels on request', async () => {
    const negative = testImage(0).map((pixel) => 255 - pixel);
    const expected = byIndex[0];
    const raw = 'application/octet-stream';
    expect(await answerTo(negative, raw)).not.toEqual(expected);
    expect(await answerTo(negative, raw, '?invert=true')).toEqual(expected);
    const json = JSON.stringify(Array.from(negative));
    expect(await answerTo(json, 'application/json', '?invert=true')).toEqual(expected);

    const twice = { width: 56, height: 56, channels: 1, depth: 8 as const };
    const photo = encode({ ...twice, data: enlarge(negative) });
    expect(await answerTo(photo, 'image/png', '?invert=true')).toEqual(expected);
    expect(await answerTo(photo, 'image/png', '?invert=false')).not.toEqual(expected);
    const dark = encode({ ...twice, data: enlarge(testImage(0)) });
    expect(await answerTo(dark, 'image/png')).toEqual(expected);
  });
});

describe('POST /predict with several images', () => {
  const withoutModel = ({ predicted, probabilities }: Answer) => ({ predicted, probabilities });

  it('answers JSON images in order, in a batch as singly', async () => {
    const images = [0, 1, 2, 3, 4].map((index) => Array.from(testImage(index)));
    const { predictions, model } = await answerTo(JSON.stringify({ images }), 'application/json');
    expect(predictions).toEqual(byIndex.map(withoutModel));
    expect(model).toEqual(byIndex[0].model);
  });

  it('answers a list of one with a list', async () => {
    const images = [{ pixels: rows(1) }];
    const { predictions } = await answerTo(JSON.stringify({ images }), 'application/json');
    expect(predictions).toEqual([withoutModel(byIndex[1])]);
  });

  it('returns the problem of an invalid image in its place', async () => {
    const images = [Array.from(testImage(0)), [1, 2, 3], Array.from(testImage(1))];
    const { predictions } = await answerTo(JSON.stringify({ images }), 'application/json');
    expect(predictions[0]).toEqual(withoutModel(byIndex[0]));
    expect(predictions[1]).toMatchObject({ error: { code: 'bad_pixels', status: 422 } });
    expect(predictions[2]).toEqual(withoutModel(byIndex[1]));
  });

  it('reads several files from a form', async () => {
    const form = new FormData();
    form.append('a', new File([png(0)], 'a.png'));
    form.append('b', new File(['no image'], 'b.png', { type: 'image/png' }));
    form.append('a', new File([png(2)], 'c.png'));
    const { predictions } = await answerTo(form);
    expect(predictions[0]).toEqual(withoutModel(byIndex[0]));
    expect(predictions[1]).toMatchObject({ error: { code: 'unsupported_image' } });
    expect(predictions[2]).toEqual(withoutModel(byIndex[2]));
  });

  it('answers the other images if one is too large, or all together are', async () => {
    const side = (pixels: number) =>
      encode({ width: pixels, height: pixels, data: new Uint8Array(pixels ** 2), channels: 1 });
    const [huge, large] = [side(4200), side(3000)];
    // 17.6 megapixels are too many for a PNG; 9 are not, but 27 in all are.
    const files = [png(0), huge, large, large, png(1)];
    const tooLarge = (detail: string) => ({
      error: { code: 'image_too_large', status: 413, detail: expect.stringContaining(detail) },
    });
    const expected = [
      withoutModel(byIndex[0]),
      tooLarge('4200x4200'),
      { predicted: { id: expect.any(Number) } },
      tooLarge('Send this one in a request of its own'),
      withoutModel(byIndex[1]),
    ];
    const form = new FormData();
    for (const [i, file] of files.entries()) form.append(`${i}`, new File([file], `${i}.png`));
    expect((await answerTo(form)).predictions).toMatchObject(expected);
    const images = files.map((file) => btoa(String.fromCharCode(...file)));
    const json = await answerTo(JSON.stringify({ images }), 'application/json');
    expect(json.predictions).toMatchObject(expected);
  });

  it('mixes files, pixels and invalid images in JSON, each with the image seen', async () => {
    const base64 = btoa(String.fromCharCode(...png(0)));
    const images = [base64, { pixels: rows(1) }, 'data:image/png,x', { b64: base64 }, 7];
    const { predictions } = await answerTo(JSON.stringify({ images }), undefined, '?echo=true');
    const [first, second, third, fourth, fifth] = predictions;
    const { input, crop } = fourth;
    expect(first).toEqual({ ...withoutModel(byIndex[0]), input, crop });
    expect(second).toMatchObject(withoutModel(byIndex[1]));
    expect(third).toMatchObject({ error: { code: 'bad_image' } });
    expect(fourth).toMatchObject(withoutModel(byIndex[0]));
    expect(fifth).toMatchObject({ error: { code: 'bad_pixels' } });
  });

  it('runs the network once for all images', async () => {
    const counted: number[] = [];
    const counting = openApp(bucket, {
      load: async (...source) => {
        const model = await loadVersion(...source);
        const predict: typeof model.predict = (input, count) => {
          counted.push(count);
          return model.predict(input, count);
        };
        return { ...model, predict };
      },
    });
    const images = [rows(0), 'no image', rows(1), rows(2)];
    await counting.post(JSON.stringify({ images }));
    expect(counted).toEqual([3]);
  });

  it('accepts at most 64 images', async () => {
    const images = Array.from({ length: 64 }, () => Array.from(testImage(0)));
    const { predictions } = await answerTo(JSON.stringify({ images }), 'application/json');
    expect(predictions).toHaveLength(64);
    images.push([]);
    const response = await app.post(JSON.stringify({ images }), 'application/json');
    expect(await response.json()).toMatchObject({ status: 413, code: 'too_many_images' });
  });
});

function rgbaOf(index: number): Uint8Array {
  const pixels = testImage(index);
  return Uint8Array.from({ length: 4 * 784 }, (_, i) =>
    i % 4 === 3 ? 255 : (pixels[i >> 2] ?? 0),
  );
}

/** Twice as wide and high, each pixel four times. */
function enlarge(pixels: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: 4 * 784 }, (_, i) => {
    const x = (i % 56) >> 1;
    const y = Math.floor(i / 56) >> 1;
    return pixels[28 * y + x] ?? 0;
  });
}
