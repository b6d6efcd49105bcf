/** A network for photos, of 160 and 224 pixels a side in colour, on every route. */
import { decode, encode } from 'fast-png';
import { beforeAll, describe, expect, it } from 'vitest';
import { sha256 } from '../../../edge/store/published.ts';
import { softmax } from '../../../shared/model/predict.ts';
import photoModels from '../../fixtures/build/photo-models.bin';
import { openBucket } from '../../support/edge/bucket.ts';
import { type Answer, openApp, type TestApp } from '../../support/edge/open-app.ts';
import { photoLabels, photoPixels, photoSpec } from '../../support/models/photo-spec.ts';

interface PhotoModel {
  side: number;
  json: string;
  weights: string;
  /** TensorFlow.js's in Node, on its stock cpu backend. */
  logits: number[][];
}

const models: PhotoModel[] = JSON.parse(new TextDecoder().decode(photoModels));
const textBytes = (text: string) => new TextEncoder().encode(text).buffer as ArrayBuffer;
const bytesOf = (base64: string) =>
  Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)).buffer;
/** As many as the protocols take. */
const many = 64;

describe.each(models)('with $side pixels a side', ({ side, json, weights, logits }) => {
  const bucket = openBucket();
  const length = side * side * 3;
  const expected = logits.map((ofImage) => Array.from(softmax(ofImage)));
  let app: TestApp;

  beforeAll(async () => {
    const version = await bucket.publish('one', {
      files: { 'model.json': textBytes(json), 'weights.bin': bytesOf(weights) },
      manifest: (manifest) => ({ ...manifest, model: { ...manifest.model, ...photoSpec(side) } }),
    });
    await bucket.moveAlias(version);
    await uploadPhotos();
    app = openApp(bucket, {}, { FEEDBACK: 'open' });
  });

  /** Uploads three test images, each a chunk. */
  async function uploadPhotos() {
    // The IDX format: a magic number and the sizes, 32 bits each.
    const header = Uint8Array.from(
      [0x0804, 3, side, side, 3].flatMap((size) => [0, 0, size >> 8, size & 255]),
    );
    const photos = [0, 1, 2].map((index) => photoPixels(side, index));
    const images = new Uint8Array(
      await new Blob([header, ...photos] as Uint8Array<ArrayBuffer>[]).arrayBuffer(),
    );
    const ids = Uint8Array.from([0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 2]);
    const files = { 'test-images.idx': images, 'test-labels.idx': ids };
    const hash = await sha256(images);
    const listed = Object.entries(files).map(async ([path, bytes]) => ({
      path,
      bytes: bytes.byteLength,
      sha256: await sha256(bytes),
    }));
    const chunks = { images: 1, sha256: await Promise.all(photos.map((photo) => sha256(photo))) };
    const shape = { images: 3, height: side, width: side, channels: 3, labels: photoLabels };
    const info = {
      name: 'fashion-mnist',
      hash,
      ...shape,
      files: await Promise.all(listed),
      chunks,
    };
    const { layout } = bucket;
    for (const [path, bytes] of Object.entries(files)) {
      const key = layout.datasetFile('fashion-mnist', path as 'test-images.idx', hash);
      await bucket.bucket.put(key, bytes);
    }
    const key = layout.datasetFile('fashion-mnist', 'dataset.json');
    await bucket.bucket.put(key, JSON.stringify(info));
  }

  const probabilitiesOf = ({ probabilities }: Answer) =>
    probabilities.map(({ probability }: { probability: number }) => probability);

  function expectProbabilities(found: number[], index: number) {
    expect(found).toHaveLength(photoLabels.length);
    for (const [id, probability] of (expected[index] as number[]).entries()) {
      expect(Math.abs((found[id] as number) - probability)).toBeLessThan(1e-4);
    }
  }

  const png = (index: number) =>
    encode({ width: side, height: side, data: photoPixels(side, index), channels: 3, depth: 8 });

  it('predicts and draws test images', async () => {
    // Otherwise equal answers would prove nothing.
    expect(new Set(expected.flat().map((value) => value.toFixed(3))).size).toBeGreaterThan(8);
    for (const index of [0, 1, 2]) {
      const answer = await app.json(`/predict?index=${index}`);
      expectProbabilities(probabilitiesOf(answer), index);
      expect(answer.actual.label).toBe(photoLabels[index]);
      const image = await app.request(`/images/${index}.png`);
      const { width, channels, data } = decode(await image.arrayBuffer());
      expect({ width, channels }).toEqual({ width: side, channels: 3 });
      expect(Array.from(data)).toEqual(Array.from(photoPixels(side, index)));
    }
    const large = decode(await (await app.request('/images/0.png?scale=20')).arrayBuffer());
    expect(large.width % side).toBe(0);
    expect(large.width).toBeLessThanOrEqual(960);
    const accept = { headers: { accept: 'image/svg+xml' } };
    const svg = await (await app.request('/predict?index=0', accept)).text();
    expect(svg).toContain('Predicted: ');
    expect(svg).not.toContain('optimizeSpeed');
  });

  it('reads files, raw bytes and JSON alike', async () => {
    const pixels = Array.from(photoPixels(side, 1));
    const rows = Array.from({ length: side }, (_, y) =>
      Array.from({ length: side }, (_, x) =>
        pixels.slice(3 * (y * side + x), 3 * (y * side + x + 1)),
      ),
    );
    const bodies: [BodyInit, string?][] = [
      [png(1) as BodyInit, 'image/png'],
      [photoPixels(side, 1) as BodyInit, 'application/octet-stream'],
      [JSON.stringify(pixels), 'application/json'],
      [JSON.stringify({ pixels: rows }), 'application/json'],
      [JSON.stringify({ pixels: pixels.map((pixel) => pixel / 255) }), 'application/json'],
    ];
    for (const [body, type] of bodies) {
      const response = await app.post(body, type);
      const answer: Answer = await response.json();
      expect({ status: response.status, code: answer.code }).toEqual({ status: 200 });
      expectProbabilities(probabilitiesOf(answer), 1);
    }
    const echo: Answer = await (
      await app.post(png(1) as BodyInit, 'image/png', '?echo=true')
    ).json();
    const seen = decode(new Uint8Array(bytesOf(echo.input.split(',')[1])));
    expect(Array.from(seen.data)).toEqual(pixels);
    expect(echo.crop).toEqual({ x: 0, y: 0, width: side, height: side });
  });

  it('says how to send more pixels than JSON may have', async () => {
    const images = Array.from({ length: Math.ceil(1_100_000 / length) }, () =>
      Array(length).fill(0),
    );
    const response = await app.post(JSON.stringify({ images }), 'application/json');
    expect(await response.json()).toMatchObject({
      code: 'bad_json',
      detail: expect.stringMatching(/1000000 values\. Send fewer images at once, or as files/),
    });
  });

  it('takes 64 files in a form', async () => {
    const form = new FormData();
    for (let i = 0; i < many; i++)
      form.append(`${i}`, new Blob([png(i % 3) as Uint8Array<ArrayBuffer>]), `${i}.png`);
    const { predictions }: Answer = await (await app.post(form)).json();
    expect(predictions).toHaveLength(many);
    for (const [i, prediction] of predictions.entries()) {
      expectProbabilities(probabilitiesOf(prediction), i % 3);
    }
  });

  it('describes and takes tensors in TensorFlow Serving', async () => {
    const path = '/v1/models/fashion-mnist-cnn';
    const { metadata } = await app.json(`${path}/metadata`);
    const { inputs } = metadata.signature_def.signature_def.serving_default;
    const sizes = inputs.images.tensor_shape.dim.map(({ size }: { size: string }) => Number(size));
    expect(sizes).toEqual([-1, side, side, 3]);
    const instances = [
      { b64: btoa(String.fromCharCode(...png(2))) },
      Array.from(photoPixels(side, 2)),
    ];
    const body = JSON.stringify({ instances });
    const { predictions } = await app.json(`${path}:predict`, { method: 'POST', body });
    for (const row of predictions) expectProbabilities(row, 2);
  });

  it('describes and takes tensors in Open Inference, interleaved and planar', async () => {
    const path = '/v2/models/fashion-mnist-cnn';
    const { inputs } = await app.json(path);
    expect(inputs).toEqual([{ name: 'images', datatype: 'FP32', shape: [-1, side, side, 3] }]);
    const pixels = photoPixels(side, 1);
    const planes = new Uint8Array(length);
    for (let i = 0; i < length; i++)
      planes[(i % 3) * side * side + Math.floor(i / 3)] = pixels[i] as number;
    const floats = new Uint8Array(Float32Array.from(planes, (value) => value / 255).buffer);
    const tensors: [Uint8Array, number[], string][] = [
      [pixels, [1, side, side, 3], 'UINT8'],
      [pixels, [1, length], 'UINT8'],
      [planes, [1, 3, side, side], 'UINT8'],
      [floats, [1, 3, side, side], 'FP32'],
    ];
    for (const [bytes, shape, datatype] of tensors) {
      const [row] = await infer(bytes, shape, datatype);
      expectProbabilities(row as number[], 1);
    }
    const images = Uint8Array.from(
      { length: many * length },
      (_, i) => pixels[i % length] as number,
    );
    const rows = await infer(images, [many, side, side, 3], 'UINT8');
    expect(rows).toHaveLength(many);
    for (const row of rows) expectProbabilities(row, 1);

    async function infer(bytes: Uint8Array, shape: number[], datatype: string) {
      const parameters = { binary_data_size: bytes.byteLength };
      const head = JSON.stringify({ inputs: [{ name: 'images', shape, datatype, parameters }] });
      const headers = { 'inference-header-content-length': String(head.length) };
      const body = new Blob([head, bytes as Uint8Array<ArrayBuffer>]);
      const answer = await app.json(`${path}/infer`, { method: 'POST', body, headers });
      const { data } = answer.outputs[0];
      return Array.from({ length: data.length / photoLabels.length }, (_, row) =>
        data.slice(row * photoLabels.length, (row + 1) * photoLabels.length),
      ) as number[][];
    }
  });

  it('stores feedback about a test image and about pixels', async () => {
    for (const image of [{ index: 0 }, { pixels: Array.from(photoPixels(side, 1)) }]) {
      const { id }: Answer =
        'index' in image
          ? await app.json('/predict?index=0')
          : await (await app.post(png(1) as BodyInit, 'image/png')).json();
      const body = JSON.stringify({ id, label: 'leaf', ...image });
      const response = await app.request('/feedback', { method: 'POST', body });
      expect(await response.json()).toMatchObject({
        stored: true,
        label: { id: 3, label: 'leaf' },
      });
    }
    const prefix = bucket.layout.feedbacks('fashion-mnist-cnn');
    const { objects } = await bucket.bucket.list({ prefix });
    expect(objects).toHaveLength(2);
    for (const { key } of objects) {
      const record = JSON.parse((await (await bucket.bucket.get(key))?.text()) as string);
      expect(bytesOf(record.pixels).byteLength).toBe(length);
    }
  });
});
