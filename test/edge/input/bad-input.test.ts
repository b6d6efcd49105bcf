import { encode } from 'fast-png';
import { encode as encodeJpeg } from 'jpeg-js';
import { beforeAll, describe, expect, it } from 'vitest';
import { maxBodyBytes } from '../../../edge/input/body.ts';
import { maxDrainedBytes } from '../../../edge/input/body-memory.ts';
import { openBucket, testImage } from '../../support/edge/bucket.ts';
import { type Answer, openApp, type TestApp } from '../../support/edge/open-app.ts';

const bucket = openBucket();
let app: TestApp;
let good: Answer;
const png = encode({ width: 28, height: 28, data: testImage(0), channels: 1, depth: 8 });
const jpeg = new Uint8Array(
  encodeJpeg({ width: 64, height: 64, data: new Uint8Array(64 * 64 * 4).fill(120) }, 90).data,
);
const pixels = Array.from(testImage(0));

beforeAll(async () => {
  await bucket.moveAlias(await bucket.publish('one'));
  await bucket.uploadTestSet();
  app = openApp(bucket);
  good = await app.json('/predict', { method: 'POST', body: png });
});

/** Posts an invalid body, compares the problem, and checks that the next request is answered. */
async function expectProblem(
  [body, contentType, query]: Parameters<TestApp['post']>,
  expected: { status: number; code: string; detail?: unknown },
) {
  const response = await app.post(body, contentType, query);
  expect(await response.json()).toEqual({
    type: `/problems#${expected.code}`,
    instance: expect.any(String),
    title: expect.any(String),
    detail: expect.any(String),
    ...expected,
  });
  expect(response.status).toBe(expected.status);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(await app.json('/predict', { method: 'POST', body: png })).toEqual(good);
}

describe('a body that is not an image', () => {
  it('is refused if it is empty', async () => {
    await expectProblem([''], { status: 400, code: 'empty_body' });
    await expectProblem(['', 'application/json'], { status: 400, code: 'empty_body' });
  });

  it.each(['image/png', 'image/jpeg', 'text/plain', 'application/x-www-form-urlencoded'])(
    'is refused as a text file declared as %s, even with 784 characters',
    async (type) => {
      const problem = { status: 415, code: 'unsupported_image' };
      await expectProblem(['This is a text.', type], problem);
      await expectProblem(['x'.repeat(784), type], problem);
    },
  );

  it('is refused by name if its format is known but not supported', async () => {
    const heic = new TextEncoder().encode(`\0\0\0\x18ftypheic${'\0'.repeat(50)}`);
    await expectProblem([heic, 'image/heic'], {
      status: 415,
      code: 'unsupported_image',
      detail: expect.stringContaining('HEIC'),
    });
  });

  it.each([1, 783, 785, 1568])('refuses %s raw bytes', async (length) => {
    await expectProblem([new Uint8Array(length).fill(7), 'application/octet-stream'], {
      status: 422,
      code: 'bad_pixels',
      detail: expect.stringContaining(`${length} raw bytes`),
    });
  });
});

describe('a corrupt image', () => {
  it('is refused as a PNG truncated anywhere', async () => {
    for (let length = 8; length < png.length; length += 29) {
      await expectProblem([png.slice(0, length), 'image/png'], { status: 422, code: 'bad_image' });
    }
  });

  it('is refused as a PNG with a flipped bit', async () => {
    for (const at of [17, 45, 100]) {
      const flipped = png.slice();
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      await expectProblem([flipped, 'image/png'], { status: 422, code: 'bad_image' });
    }
  });

  it('is refused as a truncated JPEG', async () => {
    for (const length of [3, 20, 100, 300]) {
      const cut = jpeg.slice(0, length);
      await expectProblem([cut, 'image/jpeg'], { status: 422, code: 'bad_image' });
    }
  });
});

describe('too large a request', () => {
  it('is refused as a 20-megapixel PNG without decoding it', async () => {
    const large = encode({
      width: 5000,
      height: 4000,
      data: new Uint8Array(20_000_000),
      channels: 1,
      depth: 8,
    });
    await expectProblem([large, 'image/png'], {
      status: 413,
      code: 'image_too_large',
      detail: expect.stringContaining('5000x4000'),
    });
    await expectProblem([large.slice(0, 100), 'image/png'], {
      status: 413,
      code: 'image_too_large',
    });
  });

  it('is refused as a JPEG whose header says 65500x65500', async () => {
    const large = jpeg.slice();
    const frame = large.findIndex((byte, i) => byte === 0xff && large[i + 1] === 0xc0);
    new DataView(large.buffer).setUint16(frame + 5, 65500);
    new DataView(large.buffer).setUint16(frame + 7, 65500);
    await expectProblem([large, 'image/jpeg'], { status: 413, code: 'image_too_large' });
  });

  it('is refused as a body of more than 20 MiB', async () => {
    const body = new Uint8Array(maxBodyBytes + 1);
    await expectProblem([body, 'image/png'], { status: 413, code: 'body_too_large' });
  });

  it('drops what follows the limit in a stream of unknown length, up to another limit', async () => {
    const piece = new Uint8Array(1024 * 1024);
    let sent = 0;
    const stream = new ReadableStream({
      type: 'bytes',
      pull(controller) {
        sent += piece.length;
        controller.enqueue(piece.slice());
      },
    });
    await expectProblem([stream, 'image/png'], { status: 413, code: 'body_too_large' });
    expect(sent).toBeGreaterThan(maxDrainedBytes);
    expect(sent).toBeLessThan(maxDrainedBytes + 3 * piece.length);
  });
});

describe('invalid JSON', () => {
  const withPixel = (at: number, text: string) =>
    JSON.stringify(pixels.with(at, -12345)).replace('-12345', text);

  it.each([
    ['{', 400, 'bad_json', 'JSON'],
    ['NaN', 400, 'bad_json', 'NaN'],
    [withPixel(3, 'NaN'), 400, 'bad_json', 'JSON'],
    [withPixel(3, 'Infinity'), 400, 'bad_json', 'JSON'],
    ['{"picture": []}', 400, 'bad_json', 'pixels'],
    ['{"images": 3}', 400, 'bad_json', 'images'],
    ['{"images": []}', 400, 'bad_json', 'empty'],
    ['3', 422, 'bad_pixels', '3'],
    ['null', 422, 'bad_pixels', 'null'],
    ['"text"', 422, 'bad_pixels', '3 raw bytes'],
    ['"no base64!"', 422, 'bad_image', 'no base64!'],
    ['{"image": "data:image/png,text"}', 422, 'bad_image', 'data:image/png,text'],
    ['{"pixels": "text"}', 422, 'bad_pixels', '3 raw bytes'],
    ['[]', 422, 'bad_pixels', '0 pixels'],
    [JSON.stringify(pixels.slice(1)), 422, 'bad_pixels', '783 pixels'],
    [JSON.stringify([...pixels, 0]), 422, 'bad_pixels', '785 pixels'],
    [JSON.stringify([pixels, pixels]), 422, 'bad_pixels', '2 rows'],
    [JSON.stringify(Array(28).fill(pixels.slice(0, 27))), 422, 'bad_pixels', 'row 0 has 27'],
    [JSON.stringify(Array(28).fill(Array(28).fill([1, 2]))), 422, 'bad_pixels', 'row 0, column 0'],
    [JSON.stringify(Array(28).fill([]).with(5, 7)), 422, 'bad_pixels', 'row 0 has 0'],
    [withPixel(17, '1e999'), 422, 'bad_pixels', 'pixel 17 is Infinity'],
    [withPixel(17, '256'), 422, 'bad_pixels', 'pixel 17 is 256'],
    [withPixel(17, '-1'), 422, 'bad_pixels', 'pixel 17 is -1'],
    [withPixel(17, '"7"'), 422, 'bad_pixels', 'pixel 17 is "7"'],
    [withPixel(17, 'null'), 422, 'bad_pixels', 'pixel 17 is null'],
    [withPixel(17, '{}'), 422, 'bad_pixels', 'pixel 17 is {}'],
  ])('refuses %s with %i %s', async (body, status, code, detail) => {
    await expectProblem([body, 'application/json'], {
      status,
      code,
      detail: expect.stringContaining(detail),
    });
  });
});

describe('an invalid form', () => {
  it('is refused without a file, and if it is not a form', async () => {
    const form = new FormData();
    form.append('title', 'text');
    await expectProblem([form], { status: 400, code: 'bad_multipart' });
    const type = 'multipart/form-data; boundary=x';
    await expectProblem(['no form', type], { status: 400, code: 'bad_multipart' });
    await expectProblem(['no form', 'multipart/form-data'], { status: 400, code: 'bad_multipart' });
  });
});

describe('an invalid query', () => {
  it.each([
    ['/predict?Index=1', 'Write the parameter "Index" as "index".'],
    [
      '/predict?idx=1',
      '/predict has no parameter "idx"; it has only index, dataset, model, version, alias.',
    ],
    ['/predict?index=1&index=2', 'The query has index twice.'],
    ['/images/0.png?Scale=2', 'Write the parameter "Scale" as "scale".'],
    [
      '/model?constructor=1',
      '/model has no parameter "constructor"; it has only model, version, alias.',
    ],
    ['/models?page=2', '/models has no parameter "page"; it has only model.'],
    ['/healthz?verbose', '/healthz has no parameter "verbose"; it has no parameters.'],
    ['/readyz?verbose=1', '/readyz has no parameter "verbose"; it has no parameters.'],
    ['/metrics?name=x', '/metrics has no parameter "name"; it has no parameters.'],
  ])('is refused: GET %s', async (path, detail) => {
    expect(await app.json(path)).toMatchObject({ status: 400, code: 'bad_parameter', detail });
  });

  it.each(['/v1/models/fashion-mnist-cnn?x=1', '/v2?x=1', '/v2/health/live?x=1'])(
    'is refused as the protocol has it: GET %s',
    async (path) => {
      const response = await app.request(path);
      const error = expect.stringContaining('has no parameter "x"; it has only version, alias.');
      expect([response.status, await response.json()]).toEqual([400, { error }]);
    },
  );

  it('may be empty', async () => {
    expect(await app.json('/healthz?')).toMatchObject({ status: 'ok' });
  });

  it('is refused for echo', async () => {
    await expectProblem([png, 'image/png', '?echo=1'], {
      status: 400,
      code: 'bad_parameter',
      detail: expect.stringContaining('true'),
    });
  });

  it('is refused for invert', async () => {
    await expectProblem([png, 'image/png', '?invert=yes'], {
      status: 400,
      code: 'bad_parameter',
      detail: expect.stringContaining('yes'),
    });
  });
});
