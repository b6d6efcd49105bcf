import { encode } from 'fast-png';
import { beforeAll, describe, expect, it } from 'vitest';
import { softmax } from '../../../shared/model/predict.ts';
import { models, openBucket, type TestBucket, testImage } from '../../support/edge/bucket.ts';
import { type Answer, openApp, type TestApp } from '../../support/edge/open-app.ts';

// After Triton's extension_binary_data.md.

const name = 'fashion-mnist-cnn';
const model = `/v2/models/${name}`;

let bucket: TestBucket;
let app: TestApp;
let first: string;
beforeAll(async () => {
  bucket = openBucket();
  first = await bucket.publish('one');
  await bucket.moveAlias(first);
  app = openApp(bucket);
});

const flat = (index: number) => Array.from(testImage(index));

function expectProbabilities(found: ArrayLike<number>, indices: number[]) {
  const expected = indices.flatMap((index) => softmax(models.one.logits[index] as number[]));
  expect(found).toHaveLength(expected.length);
  for (const [i, probability] of expected.entries()) expect(found[i]).toBeCloseTo(probability, 5);
}

describe('tensors as bytes', () => {
  async function inferBytes(request: object, bytes: Uint8Array, length?: number) {
    const json = new TextEncoder().encode(JSON.stringify(request));
    return app.request(`${model}/infer`, {
      method: 'POST',
      body: await new Blob([json, bytes as Uint8Array<ArrayBuffer>]).bytes(),
      headers: {
        'content-type': 'application/octet-stream',
        'inference-header-content-length': String(length ?? json.byteLength),
      },
    });
  }

  const binary = (shape: number[], datatype: string, size: number) => ({
    name: 'images',
    shape,
    datatype,
    parameters: { binary_data_size: size },
  });

  async function readBinary(response: Response) {
    const whole = await response.bytes();
    const length = Number(response.headers.get('inference-header-content-length'));
    const head = JSON.parse(new TextDecoder().decode(whole.subarray(0, length))) as Answer;
    return { head, bytes: whole.slice(length) };
  }

  it('are accepted and returned, which is the default of Triton’s client', async () => {
    const floats = Float32Array.from([...flat(6), ...flat(7)]);
    const response = await inferBytes(
      {
        id: 'a',
        inputs: [binary([2, 28, 28, 1], 'FP32', floats.byteLength)],
        parameters: { binary_data_output: true },
      },
      new Uint8Array(floats.buffer),
    );
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    const { head, bytes } = await readBinary(response);
    expect(head).toEqual({
      model_name: name,
      model_version: first,
      id: 'a',
      outputs: [
        {
          name: 'probabilities',
          datatype: 'FP32',
          shape: [2, 10],
          parameters: { binary_data_size: 80 },
        },
      ],
    });
    expectProbabilities(new Float32Array(bytes.buffer), [6, 7]);
  });

  it('can be one of two outputs, with strings prefixed by their lengths', async () => {
    const outputs = [
      { name: 'probabilities' },
      { name: 'probabilities', parameters: { classification: 1, binary_data: true } },
    ];
    const inputs = [binary([1, 784], 'UINT8', 784)];
    const response = await inferBytes({ inputs, outputs }, testImage(8));
    const { head, bytes } = await readBinary(response);
    expectProbabilities(head.outputs[0].data, [8]);
    expect(head.outputs[1]).toMatchObject({
      datatype: 'BYTES',
      shape: [1, 1],
      parameters: { binary_data_size: bytes.byteLength },
    });
    expect(new DataView(bytes.buffer).getUint32(0, true)).toBe(bytes.byteLength - 4);
    expect(new TextDecoder().decode(bytes.subarray(4))).toMatch(/^\d\.\d{6}:\d:[A-Z]/);
  });

  async function inferRaw(body: Uint8Array, path = `${model}/infer`) {
    const headers = { 'inference-header-content-length': '0' };
    const bytes = Uint8Array.from(body);
    return app.request(path, { method: 'POST', body: bytes, headers });
  }

  it('may be all of the body: Triton’s raw binary request', async () => {
    const floats = (...indices: number[]) =>
      new Uint8Array(Float32Array.from(indices.flatMap(flat)).buffer);
    for (const [body, indices] of [
      [floats(1), [1]],
      [floats(1, 2, 3), [1, 2, 3]],
      [testImage(4), [4]],
    ] as const) {
      const response = await inferRaw(body);
      expect(response.headers.get('content-type')).toBe('application/octet-stream');
      const { head, bytes } = await readBinary(response);
      expect(head.outputs).toMatchObject([{ name: 'probabilities', shape: [indices.length, 10] }]);
      expectProbabilities(new Float32Array(bytes.buffer), [...indices]);
    }
  });

  const png = encode({ width: 28, height: 28, data: testImage(0), channels: 1, depth: 8 });
  const heic = new TextEncoder().encode(`\0\0\0\x18ftypheic${'\0'.repeat(1500)}`);

  it.each([
    [
      'no image',
      testImage(0).slice(1),
      '783 bytes, but an image takes 3136 as FP32, or 784 as UINT8',
    ],
    ['65 images', new Uint8Array(65 * 3136), '65 images'],
    ['a PNG', png, 'which are PNG: send the pixels, or the file itself to POST /predict'],
    ['a HEIC', heic, 'which are HEIC'],
  ])('are refused in a raw binary request: %s', async (_, body, message) => {
    const response = await inferRaw(body);
    expect([400, 413]).toContain(response.status);
    expect(await response.json()).toEqual({ error: expect.stringContaining(message) });
  });

  it('are refused by name if they are an image file', async () => {
    const request = { inputs: [binary([1, 784], 'UINT8', png.length)] };
    const answers: [Response, string][] = [
      [await inferBytes(request, png), 'which are PNG'],
      [
        await app.request(`${model}/infer`, { method: 'POST', body: Uint8Array.from(png) }),
        'The body is PNG, not JSON',
      ],
      [
        await app.request(`${model}/infer`, { method: 'POST', body: heic }),
        'The body is HEIC, not JSON',
      ],
    ];
    for (const [response, message] of answers) {
      expect([response.status, await response.json()]).toEqual([
        400,
        { error: expect.stringContaining(message) },
      ]);
    }
  });

  it('are refused if their length differs from the declared one', async () => {
    const request = { inputs: [binary([1, 784], 'UINT8', 784)] };
    const tries: [Response, string][] = [
      [await inferBytes(request, testImage(0).subarray(1)), '783 bytes follow the JSON'],
      [
        await inferBytes({ inputs: [binary([1, 784], 'FP32', 784)] }, testImage(0)),
        'its shape takes 3136',
      ],
      [await inferBytes(request, testImage(0), 10_000), 'Inference-Header-Content-Length'],
      [await inferBytes(request, testImage(0), Number.NaN), 'Inference-Header-Content-Length'],
      [await inferBytes(request, testImage(0), 5), 'not JSON'],
    ];
    for (const [response, message] of tries) {
      expect(response.status).toBe(400);
      expect(await response.json()).toEqual({ error: expect.stringContaining(message) });
    }
  });
});
