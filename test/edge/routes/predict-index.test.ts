import { beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { loadVersion } from '../../../edge/model/load-version.ts';
import { fashionMnistCnn } from '../../../shared/model/model-spec.ts';
import { softmax } from '../../../shared/model/predict.ts';
import { indexedPredictionSchema, servedModelSchema } from '../../../shared/model/prediction.ts';
import { models, openBucket, testLabel } from '../../support/edge/bucket.ts';
import { openApp, type TestApp } from '../../support/edge/open-app.ts';

describe('GET /predict', () => {
  const bucket = openBucket();
  let app: TestApp;
  let version: string;
  beforeAll(async () => {
    version = await bucket.publish('one');
    await bucket.moveAlias(version);
    await bucket.uploadTestSet();
    app = openApp(bucket);
  });

  it('answers in the documented shape', async () => {
    const response = await app.request('/predict?index=0');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch('application/json');
    expect(response.headers.get('cache-control')).toBe('no-cache');
    const answer = await response.json();
    const schema = z.strictObject({
      ...indexedPredictionSchema.shape,
      model: servedModelSchema,
    });
    expect(schema.parse(answer)).toEqual(answer);
    expect(answer).toMatchObject({
      index: 0,
      actual: { id: 9, label: 'Ankle boot' },
      model: { name: 'fashion-mnist-cnn', version, alias: 'production' },
    });
  });

  it('gives one probability per label, in label order, as plain TensorFlow.js does', async () => {
    for (const [index, logits] of models.one.logits.entries()) {
      const { probabilities, predicted } = await app.json(`/predict?index=${index}`);
      expect(probabilities.map(({ label }: { label: string }) => label)).toEqual(
        fashionMnistCnn.labels,
      );
      for (const [id, expected] of softmax(logits).entries()) {
        expect(probabilities[id].id).toBe(id);
        expect(probabilities[id].probability).toBeCloseTo(expected, 6);
      }
      expect(predicted).toEqual(probabilities[logits.indexOf(Math.max(...logits))]);
    }
  });

  it.each([
    { what: 'once, then remembers its logits', runs: 1, options: {} },
    { what: 'each time without a cache', runs: 2, options: { maxCachedLogits: 0 } },
  ])('runs the network for an image $what', async ({ runs, options }) => {
    let count = 0;
    const counting = openApp(bucket, {
      ...options,
      load: async (...source) => {
        const model = await loadVersion(...source);
        const predict: typeof model.predict = (...images) => {
          count++;
          return model.predict(...images);
        };
        return { ...model, predict };
      },
    });
    const first = await counting.json('/predict?index=3');
    expect(await counting.json('/predict?index=3')).toEqual(first);
    expect(count).toBe(runs);
  });

  it.each([
    ['float16', 1e-3],
    ['uint8', 2e-2],
  ] as const)('serves weights of %s, whose logits are nearly the same', async (dtype, furthest) => {
    const small = openBucket();
    await small.moveAlias(await small.publish('one', { files: storedAs(dtype, models.one) }));
    await small.uploadTestSet();
    const served = openApp(small);
    for (const [index, logits] of models.one.logits.entries()) {
      const { probabilities } = await served.json(`/predict?index=${index}`);
      for (const [id, expected] of softmax(logits).entries()) {
        expect(Math.abs(probabilities[id].probability - expected)).toBeLessThan(furthest);
      }
    }
  });

  it.each<[string, 'float16' | 'uint8', (stored: StoredFiles) => void, string]>([
    [
      'half precision that are not finite',
      'float16',
      ({ 'weights.bin': bytes }) => new Uint16Array(bytes).fill(0x7e00, 1000, 1001),
      'NaN',
    ],
    [
      'bytes without their scale',
      'uint8',
      (stored) => changeSpecs(stored, () => ({ dtype: 'uint8', min: 0 })),
      'scale',
    ],
    [
      'bytes whose scale is not finite in float32',
      'uint8',
      (stored) => changeSpecs(stored, (old) => ({ ...old, scale: 1e300 })),
      'Infinity',
    ],
    [
      'an unknown type',
      'uint8',
      (stored) => changeSpecs(stored, (old) => ({ ...old, dtype: 'uint4' })),
      'dtype',
    ],
    [
      'bytes of which one is missing',
      'uint8',
      (stored) => {
        stored['weights.bin'] = stored['weights.bin'].slice(1);
      },
      'need 688138 bytes, but the files have 688137',
    ],
  ])('refuses weights of %s', async (_, dtype, change, detail) => {
    const small = openBucket();
    const files = storedAs(dtype, models.one);
    change(files);
    await small.moveAlias(await small.publish('one', { files }));
    const { failure } = await openApp(small).json('/readyz');
    expect(failure).toMatchObject({ code: 'bad_model', detail: expect.stringContaining(detail) });
  });

  it('returns the actual label of every image, and whether the prediction is correct', async () => {
    for (let index = 0; index < 100; index++) {
      const { actual, predicted, correct } = await app.json(`/predict?index=${index}`);
      expect(actual.id).toBe(testLabel(index));
      expect(actual.label).toBe(fashionMnistCnn.labels[actual.id]);
      expect(correct).toBe(predicted.id === actual.id);
    }
  });

  it.each([
    ['other labels', { labels: fashionMnistCnn.labels.map((label) => `ripe ${label}`) }],
    ['the labels in another order', { labels: fashionMnistCnn.labels.toReversed() }],
    ['a label more', { labels: [...fashionMnistCnn.labels, 'Hat'] }],
    ['images of another size', { height: 14, width: 56 }],
  ])('refuses a test set with %s', async (_, changes) => {
    const other = openBucket();
    await other.moveAlias(await other.publish('one'));
    await other.uploadTestSet(100, { changes });
    const served = openApp(other);
    for (const path of ['/predict?index=0', '/predict', `/predict?index=0&version=${version}`]) {
      expect(await served.json(path)).toMatchObject({ status: 503, code: 'bad_dataset' });
    }
    expect((await served.request('/readyz')).status).toBe(200);
  });

  it('picks a random image without an index', async () => {
    for (const [random, index] of [
      [0, 0],
      [0.42, 42],
      [0.9999, 99],
    ]) {
      const drawn = openApp(bucket, { random: () => random ?? 0 });
      expect(await drawn.json('/predict')).toMatchObject({ index });
    }
  });

  it.each([
    ['', 400, 'bad_index'],
    ['-1', 400, 'bad_index'],
    ['abc', 400, 'bad_index'],
    ['1.5', 400, 'bad_index'],
    ['1e1', 400, 'bad_index'],
    ['NaN', 400, 'bad_index'],
    ['100', 404, 'index_out_of_range'],
    ['10000', 404, 'index_out_of_range'],
    ['99999999999999999999999', 404, 'index_out_of_range'],
  ])('refuses index=%s, and answers the next request', async (index, status, code) => {
    const response = await app.request(`/predict?index=${index}`);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    const problem = await response.json<Record<string, unknown>>();
    expect(Object.keys(problem).sort()).toEqual([
      'code',
      'detail',
      'instance',
      'status',
      'title',
      'type',
    ]);
    expect(problem).toMatchObject({ status, code, detail: expect.stringContaining(index) });
    expect((await app.request('/predict?index=0')).status).toBe(200);
  });
});

interface StoredFiles extends Record<string, ArrayBuffer> {
  'model.json': ArrayBuffer;
  'weights.bin': ArrayBuffer;
}

/** The same model as `catwalk train --dtype` writes it. */
function storedAs(dtype: 'float16' | 'uint8', { json, weights }: typeof models.one): StoredFiles {
  const model = JSON.parse(new TextDecoder().decode(json));
  const whole = new Float32Array(weights);
  let at = 0;
  const parts: Uint8Array[] = [];
  for (const spec of model.weightsManifest[0].weights) {
    const size = spec.shape.reduce((product: number, length: number) => product * length, 1);
    const values = whole.subarray(at, at + size);
    at += size;
    const min = values.reduce((least, value) => Math.min(least, value));
    const scale = (values.reduce((most, value) => Math.max(most, value)) - min) / 255;
    spec.quantization = dtype === 'uint8' ? { dtype, min, scale } : { dtype };
    parts.push(
      dtype === 'uint8'
        ? Uint8Array.from(values, (value) => Math.round((value - min) / scale))
        : new Uint8Array(new Float16Array(values).buffer),
    );
  }
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return {
    'model.json': new TextEncoder().encode(JSON.stringify(model)).slice().buffer,
    'weights.bin': bytes.buffer,
  };
}

/** Changes how the first weight is stored, in model.json. */
function changeSpecs(stored: StoredFiles, change: (quantization: object) => object): void {
  const model = JSON.parse(new TextDecoder().decode(stored['model.json']));
  const [first] = model.weightsManifest[0].weights;
  first.quantization = change(first.quantization);
  stored['model.json'] = new TextEncoder().encode(JSON.stringify(model)).slice().buffer;
}
