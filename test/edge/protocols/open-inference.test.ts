import { beforeAll, describe, expect, it } from 'vitest';
import { softmax } from '../../../shared/model/predict.ts';
import { models, openBucket, testImage } from '../../support/edge/bucket.ts';
import { type Answer, openApp, type TestApp } from '../../support/edge/open-app.ts';
import { openTwoVersions } from '../../support/edge/two-versions.ts';

// After the protocol's own inference_rest.md, and Triton's extension_classification.md and extension_binary_data.md.

const name = 'fashion-mnist-cnn';
const model = `/v2/models/${name}`;

let app: TestApp;
let first: string;
let second: string;
beforeAll(async () => {
  ({ app, first, second } = await openTwoVersions());
});

async function infer(body: unknown, path = `${model}/infer`) {
  const response = await app.request(path, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
  return { status: response.status, answer: (await response.json()) as Answer };
}

const flat = (index: number) => Array.from(testImage(index));
const rows = (values: unknown[]) =>
  Array.from({ length: 28 }, (_, row) => values.slice(28 * row, 28 * (row + 1)));
const input = (data: unknown[], shape: number[], datatype = 'FP32') => ({
  name: 'images',
  shape,
  datatype,
  data,
});
const oneImage = input(flat(0), [1, 28, 28]);

function expectProbabilities(
  found: ArrayLike<number>,
  indices: number[],
  from: 'one' | 'two' = 'one',
) {
  const expected = indices.flatMap((index) => softmax(models[from].logits[index] as number[]));
  expect(found).toHaveLength(expected.length);
  for (const [i, probability] of expected.entries()) expect(found[i]).toBeCloseTo(probability, 5);
}

describe('the server', () => {
  it('reports its name, version and extensions', async () => {
    for (const path of ['/v2', '/v2/']) {
      expect(await app.json(path)).toEqual({
        name: 'catwalk',
        version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
        extensions: ['classification', 'binary_tensor_data'],
      });
    }
  });

  it('is live and ready; without a model it is only live', async () => {
    expect(await app.json('/v2/health/live')).toEqual({ live: true });
    expect(await app.json('/v2/health/ready')).toEqual({ live: true, ready: true });
    const empty = openApp(openBucket());
    expect((await empty.request('/v2/health/live')).status).toBe(200);
    for (const path of ['/v2/health/ready', `${model}/ready`, model]) {
      const response = await empty.request(path);
      expect([response.status, Object.keys((await response.json()) as object)]).toEqual([
        503,
        ['error'],
      ]);
    }
  });

  it.each([
    ['GET', '/v2/nothing', 404],
    ['GET', '/v2/models', 404],
    ['GET', `${model}/infer`, 405],
    ['POST', model, 405],
    ['POST', '/v2/health/live', 405],
    ['GET', '/v2/models/foo', 404],
    ['GET', '/v2/models/foo/ready', 404],
    ['POST', '/v2/models/foo/infer', 404],
    ['GET', `${model}/versions/20200101T000000Z-00000000`, 404],
    ['GET', `${model}/versions/v10/ready`, 404],
    ['POST', `${model}/versions/v10/infer`, 404],
  ])('answers %s %s with %i', async (method, path, status) => {
    const body = method === 'POST' ? { body: JSON.stringify({ inputs: [oneImage] }) } : {};
    const response = await app.request(path, { method, ...body });
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({ error: expect.any(String) });
    expect(response.headers.has('allow')).toBe(status === 405);
  });
});

describe('a model', () => {
  it('reports its tensors and versions', async () => {
    const tensors = {
      platform: 'tensorflowjs_layersmodel',
      inputs: [{ name: 'images', datatype: 'FP32', shape: [-1, 28, 28, 1] }],
      outputs: [{ name: 'probabilities', datatype: 'FP32', shape: [-1, 10] }],
    };
    expect(await app.json(model)).toEqual({ name, versions: [second, first], ...tensors });
    expect(await app.json(`${model}/versions/${second}`)).toEqual({
      name,
      versions: [second],
      ...tensors,
    });
  });

  it('is ready, and so is each of its versions', async () => {
    for (const path of ['', `/versions/${second}`, `/versions/20261124102000`]) {
      expect(await app.json(`${model}${path}/ready`)).toEqual({ name, ready: true });
    }
  });
});

describe('infer', () => {
  it('answers the specification’s example, with its id', async () => {
    const { status, answer } = await infer({
      id: '42',
      inputs: [input([...flat(1), ...flat(2)], [2, 784], 'UINT8')],
      outputs: [{ name: 'probabilities' }],
    });
    expect(status).toBe(200);
    expect(answer).toEqual({
      model_name: name,
      model_version: first,
      id: '42',
      outputs: [
        { name: 'probabilities', datatype: 'FP32', shape: [2, 10], data: expect.any(Array) },
      ],
    });
    expectProbabilities(answer.outputs[0].data, [1, 2]);
  });

  it('accepts every shape, flat or nested, as FP32 in [0, 1] or 0..255 and as UINT8', async () => {
    const scaled = flat(3).map((pixel) => pixel / 255);
    const inputs = [
      input(flat(3), [1, 28, 28]),
      input(flat(3), [1, 28, 28, 1]),
      input(scaled, [1, 784]),
      input([scaled], [1, 784]),
      input([rows(flat(3))], [1, 28, 28]),
      input([rows(flat(3).map((pixel) => [pixel]))], [1, 28, 28, 1]),
      input(flat(3), [1, 28, 28], 'UINT8'),
      input([rows(flat(3))], [1, 28, 28], 'UINT8'),
    ];
    for (const input of inputs) {
      const { status, answer } = await infer({ inputs: [input] });
      expect(status, answer.error).toBe(200);
      expect(answer).not.toHaveProperty('id');
      expectProbabilities(answer.outputs[0].data, [3]);
    }
  });

  it('answers with the requested version', async () => {
    for (const path of [`/versions/${second}`, '/versions/20261124102000']) {
      const { answer } = await infer({ inputs: [oneImage] }, `${model}${path}/infer`);
      expect(answer.model_version).toBe(second);
      expectProbabilities(answer.outputs[0].data, [0], 'two');
    }
    const { answer } = await infer({ inputs: [oneImage] }, `${model}/infer?alias=candidate`);
    expect(answer.model_version).toBe(second);
  });

  it('takes null members as absent', async () => {
    const { status, answer } = await infer({
      id: null,
      parameters: null,
      inputs: [{ ...input(flat(0), [1, 784], 'UINT8'), parameters: null }],
      outputs: [
        { name: 'probabilities', parameters: null },
        { name: 'probabilities', parameters: { classification: null, binary_data: null } },
      ],
    });
    expect(status, answer.error).toBe(200);
    expect(answer).not.toHaveProperty('id');
    for (const { data } of answer.outputs) expectProbabilities(data, [0]);
    const all = { inputs: [oneImage], outputs: null, parameters: { binary_data_output: null } };
    expectProbabilities((await infer(all)).answer.outputs[0].data, [0]);
  });

  it('accepts the channel before the rows, as PyTorch has it', async () => {
    for (const data of [flat(3), [[rows(flat(3))]]]) {
      const { answer } = await infer({ inputs: [input(data, [1, 1, 28, 28])] });
      expectProbabilities(answer.outputs[0].data, [3]);
    }
  });

  it('asks proxies to leave answers and errors uncompressed', async () => {
    const accept = { 'accept-encoding': 'gzip, deflate, br' };
    for (const path of ['/v2', model, '/v2/models/nobody']) {
      const { headers } = await app.request(path, { headers: accept });
      expect(headers.get('cache-control')).toBe('no-store, no-transform');
      expect(headers.get('content-encoding')).toBeNull();
    }
  });

  it('returns the most likely classes if classification is requested', async () => {
    const inputs = [input([...flat(4), ...flat(5)], [2, 28, 28])];
    const asked = { name: 'probabilities', parameters: { classification: 3 } };
    const bodies = [
      { inputs, outputs: [asked] },
      { inputs, parameters: { classification: 3 } },
    ];
    for (const body of bodies) {
      const { answer } = await infer(body);
      const [{ data, ...output }] = answer.outputs;
      expect(output).toEqual({ name: 'probabilities', datatype: 'BYTES', shape: [2, 3] });
      for (const [image, index] of [4, 5].entries()) {
        const probabilities = softmax(models.one.logits[index] as number[]);
        const best = probabilities
          .map((probability, id) => ({ probability, id }))
          .sort((one, other) => other.probability - one.probability);
        for (let place = 0; place < 3; place++) {
          const { probability, id } = best[place] as { probability: number; id: number };
          const [score, foundId, label] = data[3 * image + place].split(':');
          expect(Number(score)).toBeCloseTo(probability, 5);
          expect(score).toMatch(/^[01]\.\d{6}$/);
          expect(Number(foundId)).toBe(id);
          expect(label).toMatch(/^[A-Z]/);
        }
      }
    }
    // A count beyond the number of classes means all of them.
    const { answer } = await infer({ inputs: [oneImage], parameters: { classification: 1000 } });
    expect(answer.outputs[0].shape).toEqual([1, 10]);
  });

  it.each([
    ['no JSON', 'not JSON'],
    [{}, 'inputs'],
    [{ inputs: [] }, 'expected 1 inputs but got 0 inputs'],
    [{ inputs: [oneImage, oneImage] }, 'expected 1 inputs but got 2 inputs'],
    [{ id: 42, inputs: [oneImage] }, 'at id'],
    [{ inputs: [{ ...oneImage, name: 'input0' }] }, "unexpected inference input 'input0'"],
    [{ inputs: [{ ...oneImage, datatype: 'INT64' }] }, "data-type is 'INT64'"],
    [{ inputs: [{ ...oneImage, shape: [28, 28] }] }, 'first size is the number of images'],
    [{ inputs: [{ ...oneImage, shape: [1, 1, 1, 28, 28] }] }, 'first size is the number of images'],
    [{ inputs: [{ ...oneImage, shape: [0, 28, 28] }] }, 'unexpected shape'],
    [{ inputs: [{ ...oneImage, shape: [-1, 28, 28] }] }, 'shape'],
    [
      { inputs: [{ ...oneImage, shape: [2, 28, 28] }] },
      'has 784 values, but its shape [2,28,28] takes 1568',
    ],
    [{ inputs: [input([rows(flat(0))], [1, 784])] }, 'not nested like its shape'],
    [{ inputs: [input([rows(flat(0)).slice(1)], [1, 28, 28])] }, 'not nested like its shape'],
    [{ inputs: [input(['x', ...flat(0).slice(1)], [1, 784])] }, 'image 0, pixel 0 is "x"'],
    [{ inputs: [input([256, ...flat(0).slice(1)], [1, 784])] }, 'pixel 0 is 256'],
    [{ inputs: [input([0.5, ...flat(0).slice(1)], [1, 784], 'UINT8')] }, 'pixel 0 is 0.5'],
    [{ inputs: [{ ...oneImage, data: undefined }] }, 'either data or binary_data_size'],
    [{ inputs: [{ ...oneImage, data: 'x' }] }, 'must be an array'],
    [{ inputs: [{ ...oneImage, parameters: { binary_data_size: 784 } }] }, 'binary_data_size 784'],
    [
      { inputs: [oneImage], outputs: [{ name: 'output0' }] },
      "unexpected inference output 'output0'",
    ],
    [{ inputs: [oneImage], parameters: { classification: 0 } }, 'classification'],
  ])('refuses %o', async (body, message) => {
    const { status, answer } = await infer(body);
    expect([status, answer]).toEqual([400, { error: expect.stringContaining(message) }]);
  });

  it('refuses 65 images', async () => {
    const { status, answer } = await infer({
      inputs: [input([], [65, 28, 28])],
    });
    expect([status, answer.error]).toEqual([413, expect.stringContaining('65 images')]);
  });
});
