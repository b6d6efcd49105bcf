import * as fc from 'fast-check';
import type { Known } from '../known.ts';
import { anyBody, type Body, jsonBodies, type Material } from './bodies.ts';
import { damagedJson } from './damaged-json.ts';
import { escaped, hostileTexts, mostly } from './hostile.ts';
import { inferValues, servingValues } from './json-values.ts';
import type { Draft } from './operation-requests.ts';

const methods = mostly(
  fc.constantFrom('POST', 'POST', 'POST', 'GET'),
  fc.constantFrom('HEAD', 'OPTIONS', 'PUT', 'DELETE'),
  1,
);

/** Requests for TensorFlow Serving's REST API under /v1. */
export function servingRequests(known: Known, material: Material): fc.Arbitrary<Draft> {
  const version = fc.oneof(
    { weight: 3, arbitrary: fc.constant('') },
    versionsOf(known).map((text) => `/versions/${text}`),
    escaped(mostly(fc.constantFrom(...known.aliases), hostileTexts)).map(
      (text) => `/labels/${text}`,
    ),
  );
  const subject = mostly(
    fc.constantFrom(':predict', ':predict', ':predict', '', '/metadata'),
    fc.constantFrom(':classify', ':regress', ':', '/', ':predict/', '/x'),
  );
  return fc.record({
    method: methods,
    target: fc
      .tuple(namesOf(known), version, subject, queriesOf(known))
      .map((parts) => `/v1/models/${parts.join('')}`),
    body: anyBody(jsonBodies(servingValues(material))),
  });
}

/** Requests for the Open Inference Protocol under /v2. */
export function inferenceRequests(known: Known, material: Material): fc.Arbitrary<Draft> {
  const version = fc.oneof(
    { weight: 2, arbitrary: fc.constant('') },
    versionsOf(known).map((text) => `/versions/${text}`),
  );
  const subject = mostly(
    fc.constantFrom('/infer', '/infer', '/infer', '/ready', ''),
    fc.constantFrom('/', '/infer/', '/load', '/infer/x'),
  );
  const targets = fc.oneof(
    {
      weight: 8,
      arbitrary: fc
        .tuple(namesOf(known), version, subject, queriesOf(known))
        .map((parts) => `/v2/models/${parts.join('')}`),
    },
    fc.constantFrom(
      '/v2',
      '/v2/',
      '/v2/health/live',
      '/v2/health/ready',
      '/v2/health',
      '/v2/models',
    ),
  );
  const values = inferValues(material);
  return fc.record({
    method: methods,
    target: targets,
    body: anyBody(fc.oneof(jsonBodies(values), binaryBodies(values))),
  });
}

const namesOf = ({ model }: Known) => escaped(mostly(fc.constant(model), hostileTexts, 1));

/** TensorFlow Serving's number of a version: the digits of its time. */
const numberOf = (version: string) => version.slice(0, 15).replace('T', '');

const versionsOf = ({ versions }: Known) =>
  escaped(mostly(fc.constantFrom(...versions, ...versions.map(numberOf)), hostileTexts));

const queriesOf = ({ aliases, versions }: Known) =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constant('') },
    fc.constantFrom(...aliases).map((alias) => `?alias=${alias}`),
    fc.constantFrom(...versions).map((version) => `?version=${version}`),
    escaped(hostileTexts).map((text) => `?alias=${text}`),
  );

/** Tensors as bytes behind the JSON, their lengths mostly right. */
function binaryBodies(values: fc.Arbitrary<unknown>): fc.Arbitrary<Body> {
  const lengths = fc.constantFrom(784, 3136, 2 * 784, 0, 1, 783);
  return lengths.chain((length) => {
    const binary = values.map((value) => {
      const { inputs, ...rest } = value as { inputs: object[] };
      const parameters = { binary_data_size: length };
      return {
        ...rest,
        inputs: inputs.map((input) => ({ ...input, data: undefined, parameters })),
      };
    });
    return fc
      .record({
        text: damagedJson(binary),
        fill: fc.constantFrom(0, 1, 0x7f, 0xff),
        further: mostly(fc.constant(0), fc.constantFrom(1, -1, 1000)),
        declared: mostly(fc.constant(null), fc.constantFrom('', '-1', '1e9', '9'.repeat(30)), 1),
      })
      .map(({ text, fill, further, declared }) => {
        const json = Buffer.from(text);
        const bytes = Buffer.concat([json, Buffer.alloc(Math.max(0, length + further), fill)]);
        const header = declared ?? String(json.byteLength);
        return { bytes, headers: { 'inference-header-content-length': header } };
      });
  });
}
