import { encode } from 'fast-png';
import { beforeAll, describe, expect, it } from 'vitest';
import { softmax } from '../../../shared/model/predict.ts';
import { models, openBucket, type TestBucket, testImage } from '../../support/edge/bucket.ts';
import { type Answer, openApp, type TestApp } from '../../support/edge/open-app.ts';
import {
  numberOne,
  numberTwo,
  openTwoVersions,
  type TwoVersions,
} from '../../support/edge/two-versions.ts';

// After TensorFlow Serving's own: g3doc/api_rest.md and model_servers/http_rest_api_handler_test.cc.

const model = '/v1/models/fashion-mnist-cnn';
let bucket: TestBucket;
let app: TestApp;
let first: string;
let second: string;
let call: TwoVersions['call'];
beforeAll(async () => {
  ({ bucket, app, first, second, call } = await openTwoVersions());
});

const flat = (index: number) => Array.from(testImage(index));
const rows = (index: number) =>
  Array.from({ length: 28 }, (_, row) => flat(index).slice(28 * row, 28 * (row + 1)));
/** [28, 28, 1], as the signature has it. */
const tensor = (index: number) => rows(index).map((row) => row.map((pixel) => [pixel]));
const png = (index: number) =>
  encode({ width: 28, height: 28, data: testImage(index), channels: 1, depth: 8 });
const base64 = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes));

/** @param indices of the test images whose probabilities these must be */
function expectProbabilities(found: number[][], indices: number[], from: 'one' | 'two' = 'one') {
  expect(found).toHaveLength(indices.length);
  for (const [i, index] of indices.entries()) {
    const expected = softmax(models[from].logits[index] as number[]);
    expect(found[i]).toHaveLength(10);
    for (const [label, probability] of expected.entries()) {
      expect(found[i]?.[label]).toBeCloseTo(probability, 5);
    }
  }
}

describe('invalid calls', () => {
  it.each([
    ['GET', '/v1/foo', 'Malformed request: GET /v1/foo'],
    ['POST', '/v1/foo', 'Malformed request: POST /v1/foo'],
    ['GET', '/v1/models', 'Missing model name in request.'],
    ['GET', '/v1/models/debug/model_name', 'Malformed request'],
    ['POST', '/v1/models', 'Malformed request'],
    ['GET', '/v1/models/foo:predict', 'Malformed request'],
    ['GET', '/v1/models/foo/version/50:predict', 'Malformed request'],
    ['POST', '/v1/models/foo/version/50:regress', 'Malformed request'],
    ['POST', '/v1/models/foo/versions/HELLO:regress', 'Malformed request'],
    ['POST', '/v1/models/foo/metadata', 'Malformed request'],
    ['POST', '/v1/models/foo/label/some_label:regress', 'Malformed request'],
    ['POST', '/v1/models/foo/versions/50/labels/some_label:regress', 'Malformed request'],
    ['DELETE', model, 'Malformed request'],
  ])('answer 400 to %s %s', async (method, path, message) => {
    const { status, answer } = await call(method, path);
    expect(status).toBe(400);
    expect(Object.keys(answer)).toEqual(['error']);
    expect(answer.error).toContain(message);
  });

  it.each([
    ['/v1/models/foo:predict', 'Servable not found for request: Latest(foo)'],
    ['/v1/models/foo/versions/50:predict', 'Servable not found for request: Specific(foo, 50)'],
    [`${model}99:predict`, 'Servable not found for request: Latest(fashion-mnist-cnn99)'],
    [
      `${model}/versions/50:predict`,
      'Servable not found for request: Specific(fashion-mnist-cnn, 50)',
    ],
    [`${model}/versions/20200101000000:predict`, 'Servable not found'],
    [`${model}/versions/20200101T000000Z-00000000:predict`, 'Servable not found'],
  ])('answer 404 to an unknown model or version: %s', async (path, message) => {
    const { status, answer } = await call('POST', path, { instances: [flat(0)] });
    expect([status, answer.error]).toEqual([404, expect.stringContaining(message)]);
  });

  it.each(['classify', 'regress'])('have no signature for %s', async (verb) => {
    const examples = [{ x: 80.0 }];
    const { status, answer } = await call('POST', `${model}:${verb}`, { examples });
    expect(status).toBe(400);
    expect(answer.error).toMatch(/signature method_name to be tensorflow\/serving\/\w+\. Was: /);
  });
});

describe('predict', () => {
  it('answers rows with predictions, however an image is nested', async () => {
    const instances = [flat(0), rows(1), tensor(2), flat(3).map((pixel) => pixel / 255)];
    const { status, answer, headers } = await call('POST', `${model}:predict`, { instances });
    expect(status).toBe(200);
    expect(Object.keys(answer)).toEqual(['predictions']);
    expectProbabilities(answer.predictions, [0, 1, 2, 3]);
    expect(headers.get('x-catwalk-version')).toBe(first);
    expect(headers.get('x-catwalk-alias')).toBe('production');
  });

  it('answers columns with outputs', async () => {
    const inputs = [tensor(4), tensor(5)];
    for (const body of [{ inputs }, { inputs: { images: inputs } }]) {
      const { answer } = await call('POST', `${model}:predict`, body);
      expect(Object.keys(answer)).toEqual(['outputs']);
      expectProbabilities(answer.outputs, [4, 5]);
    }
  });

  it('accepts named inputs, and files in base64', async () => {
    const file = new Uint8Array(await (await appWithImages()).arrayBuffer());
    const bodies = [
      { instances: [{ images: tensor(6) }] },
      { instances: [{ b64: base64(file) }] },
      { instances: [{ images: { b64: base64(file) } }] },
      { instances: [{ b64: base64(testImage(6)) }] },
    ];
    for (const body of bodies) {
      const { status, answer } = await call('POST', `${model}:predict`, body);
      expect(status, answer.error).toBe(200);
      expectProbabilities(answer.predictions, [6]);
    }
    const { answer } = await call('POST', `${model}:predict`, { inputs: { b64: base64(file) } });
    expectProbabilities(answer.outputs, [6]);
  });

  async function appWithImages() {
    await bucket.uploadTestSet();
    return app.request('/images/6.png');
  }

  it('takes null members as absent', async () => {
    const absent = { signature_name: null, inputs: null };
    const { answer } = await call('POST', `${model}:predict`, { ...absent, instances: [flat(0)] });
    expectProbabilities(answer.predictions, [0]);
    const columns = { signature_name: null, instances: null, inputs: { images: [flat(1)] } };
    expectProbabilities((await call('POST', `${model}:predict`, columns)).answer.outputs, [1]);
  });

  it('ignores sizes of 1 before an image', async () => {
    const { answer } = await call('POST', `${model}:predict`, {
      instances: [[rows(2)], [[rows(3)]], [flat(4)]],
    });
    expectProbabilities(answer.predictions, [2, 3, 4]);
  });

  it.each([
    ['numbers', { instances: flat(0) }, 'in a list'],
    ['rows', { instances: rows(0) }, 'in a list'],
    ['numbers as inputs', { inputs: flat(0) }, '{"inputs": […]}'],
    ['named numbers', { inputs: { images: rows(0) } }, 'in a list'],
  ])('says of one image without a list, %s, that the list is missing', async (_, body, message) => {
    const { status, answer } = await call('POST', `${model}:predict`, body);
    expect([status, answer.error]).toEqual([400, expect.stringContaining(message)]);
  });

  it.each([
    [
      'a PNG',
      new Uint8Array(png(0)),
      'The body is PNG, not JSON. Send {"instances": [{"b64": "…"}]}',
    ],
    ['a HEIC', new TextEncoder().encode('\0\0\0\x18ftypheic'), 'The body is HEIC'],
    ['a form', new TextEncoder().encode('--b\r\nContent-Disposition:'), 'The body is a form'],
  ])('says of %s how to send it', async (_, body, message) => {
    const response = await app.request(`${model}:predict`, { method: 'POST', body });
    expect([response.status, await response.json()]).toEqual([
      400,
      { error: expect.stringContaining(message) },
    ]);
  });

  it('names an unsupported format in base64', async () => {
    const b64 = base64(new TextEncoder().encode(`\0\0\0\x18ftypheic${'\0'.repeat(1500)}`));
    const { status, answer } = await call('POST', `${model}:predict`, { instances: [{ b64 }] });
    expect([status, answer.error]).toEqual([400, expect.stringContaining('This is HEIC')]);
  });

  it('refuses a parameter that the protocol does not have', async () => {
    const { status, answer } = await call('POST', `${model}:predict?Alias=candidate`, {
      instances: [flat(0)],
    });
    expect([status, answer.error]).toEqual([400, 'Write the parameter "Alias" as "alias".']);
  });

  it('accepts a version by number or name, a label, and a named signature', async () => {
    const asked: [string, 'one' | 'two'][] = [
      [`/versions/${numberOne}`, 'one'],
      [`/versions/${numberTwo}`, 'two'],
      [`/versions/${second}`, 'two'],
      ['/labels/candidate', 'two'],
      ['/labels/production', 'one'],
    ];
    for (const [path, from] of asked) {
      const body = { signature_name: 'serving_default', instances: [tensor(7)] };
      const { status, answer, headers } = await call('POST', `${model}${path}:predict`, body);
      expect(status, answer.error).toBe(200);
      expectProbabilities(answer.predictions, [7], from);
      expect(headers.get('x-catwalk-version')).toBe(from === 'one' ? first : second);
    }
  });

  it('accepts 64 images', async () => {
    const instances = Array.from({ length: 64 }, (_, i) => flat(i % 10));
    const { answer } = await call('POST', `${model}:predict`, { instances });
    expectProbabilities(
      answer.predictions,
      Array.from({ length: 64 }, (_, i) => i % 10),
    );
  });

  it.each([
    ['', 400, 'no body'],
    ['instances = [1, 2]', 400, 'JSON'],
    ['[1, 2]', 400, 'expected object'],
    ['{}', 400, "Missing 'inputs' or 'instances' key"],
    ['{"instances": []}', 400, "No values in 'instances' array"],
    ['{"instances": 1}', 400, "'instances' must be a list"],
    ['{"inputs": 1}', 400, "'inputs' must be a list or an object"],
    ['{"inputs": []}', 400, "No values in 'inputs' array"],
    ['{"instances": [[0]], "inputs": [[0]]}', 400, 'only one of'],
    ['{"instances": ["x", "y"]}', 400, "Failed to process element: 0 of 'instances' list"],
    ['{"instances": [[1, 2]]}', 400, '2 pixels'],
    ['{"instances": [NaN]}', 400, 'JSON'],
    ['{"instances": [{"x": [1]}]}', 400, 'keys must be equal to: images'],
    ['{"instances": [{"images": [1]}, [1]]}', 400, 'Expecting object but got list at item 1'],
    ['{"instances": [[1], {"images": [1]}]}', 400, 'Expecting value/list but got object at item 1'],
    ['{"instances": [{"b64": "!"}]}', 400, 'base64'],
    ['{"inputs": {"x": [[1]]}}', 400, 'Missing named input: images'],
    ['{"signature_name": 100, "instances": [[1]]}', 400, 'signature_name'],
    ['{"signature_name": "other", "instances": [[1]]}', 400, '"other" not found in signature def'],
    [JSON.stringify({ instances: Array(65).fill([0]) }), 413, '65 images'],
  ])('refuses %s', async (body, status, message) => {
    const found = await call('POST', `${model}:predict`, body);
    expect([found.status, found.answer.error]).toEqual([status, expect.stringContaining(message)]);
  });

  it('refuses an unknown label, and a body that is too large', async () => {
    const path = `${model}/labels/Version_Nonexistent:predict`;
    const { status, answer } = await call('POST', path, { instances: [flat(0)] });
    expect(status).toBe(400);
    expect(answer.error).toBe('Unrecognized servable version label: Version_Nonexistent');
    const unknown = await call('POST', `${model}/labels/nobody:predict`, { instances: [flat(0)] });
    expect(unknown.answer.error).toBe('Unrecognized servable version label: nobody');
    const long = `{"instances": [${'0'.repeat(10 * 2 ** 20)}]}`;
    expect((await call('POST', `${model}:predict`, long)).status).toBe(413);
  });

  it('reports that two versions of one second share a number', async () => {
    const twins = openBucket();
    const one = await twins.publish('one');
    const two = await twins.publish('two');
    await twins.moveAlias(one);
    const response = await openApp(twins).request(`${model}/versions/${numberOne}`);
    expect(response.status).toBe(400);
    const { error } = (await response.json()) as Answer;
    for (const version of [one, two]) expect(error).toContain(version);
  });
});

it("answers with the protocol's error format if the Worker has no model", async () => {
  const response = await openApp(openBucket()).request(`${model}:predict`, {
    method: 'POST',
    body: JSON.stringify({ instances: [flat(0)] }),
  });
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('2');
  expect(await response.json()).toEqual({ error: expect.stringMatching(/train and publish/i) });
});
