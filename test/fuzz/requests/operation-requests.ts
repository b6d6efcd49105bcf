import * as fc from 'fast-check';
import type { OpenApiDocument } from '../../../infra/openapi/document.ts';
import { loadOperations, type Operation } from '../../../infra/openapi/operations.ts';
import type { Known } from '../known.ts';
import { anyBody, type Body, fileBodies, formBodies, jsonBodies, type Material } from './bodies.ts';
import { escaped, hostileTexts, mostly } from './hostile.ts';
import { feedbackValues, predictValues } from './json-values.ts';
import { schemaValues } from './schema-values.ts';

const operations = await loadOperations();

/** A request before headers are added. */
export interface Draft {
  method: string;
  target: string;
  body: Body | null;
}

/** Requests for the operations of the OpenAPI document that match its schemas or nearly do. */
export function operationRequests(
  document: OpenApiDocument,
  known: Known,
  material: Material,
): fc.Arbitrary<Draft> {
  return fc.oneof(
    ...operations.map((operation: Operation) => ({
      // Operations that read more of their requests are more frequent.
      weight: operation.method === 'post' ? 6 : 2,
      arbitrary: fc.record({
        method: mostly(
          fc.constant(operation.method.toUpperCase()),
          fc.constantFrom('HEAD', 'OPTIONS', 'GET', 'POST', 'PUT', 'DELETE'),
          1,
        ),
        target: targetsOf(operation, document, known),
        body:
          operation.method === 'post'
            ? anyBody(bodiesOf(operation, document, known, material))
            : mostly(fc.constant(null), anyBody(fileBodies(material)), 1),
      }),
    })),
  );
}

/** Existing values of a parameter. Generated values rarely exist. */
function knownValues(name: string, known: Known): fc.Arbitrary<string> | null {
  const values: Record<string, fc.Arbitrary<string>> = {
    index: fc.integer({ min: 0, max: known.images }).map(String),
    version: fc.constantFrom(...known.versions),
    alias: fc.constantFrom(...known.aliases),
    dataset: fc.constant(known.datasetTag),
    file: fc.constantFrom(
      'model.json',
      'weights.bin',
      'manifest.json',
      'evaluation.json',
      'manifest.json.sig',
      '0.png',
      '99.png',
      '100.png',
      '0.gif',
      '-1.png',
      '.png',
    ),
  };
  return values[name] ?? null;
}

function targetsOf(
  operation: Operation,
  document: OpenApiDocument,
  known: Known,
): fc.Arbitrary<string> {
  const { parameters = [] } = document.paths[operation.path]?.[operation.method] ?? {};
  const valuesOf = ({ name, schema }: (typeof parameters)[number]) => {
    const made = schemaValues(document, schema).map(String);
    return escaped(mostly(fc.oneof(made, knownValues(name, known) ?? made), hostileTexts));
  };
  const path = operation.path.split('/').map((part) => {
    const parameter = parameters.find(({ name }) => part === `{${name}}`);
    return parameter ? valuesOf(parameter) : fc.constant(part);
  });
  const given = parameters.filter((parameter) => parameter.in === 'query');
  const pairs = given.map((parameter) =>
    valuesOf(parameter).map((value) => `${parameter.name}=${value}`),
  );
  const stray = fc
    .tuple(escaped(hostileTexts), escaped(hostileTexts))
    .map(([name, value]) => `${name}=${value}`);
  const query = fc.array(
    pairs.length > 0 ? fc.oneof({ weight: 9, arbitrary: fc.oneof(...pairs) }, stray) : stray,
    { maxLength: 3 },
  );
  const ends = mostly(fc.constant(''), fc.constantFrom('/', '//', ';x', '%20'), 1);
  return fc
    .tuple(fc.tuple(...path), ends, query)
    .map(
      ([parts, end, all]) => `${parts.join('/')}${end}${all.length > 0 ? '?' : ''}${all.join('&')}`,
    );
}

function bodiesOf(
  operation: Operation,
  document: OpenApiDocument,
  known: Known,
  material: Material,
): fc.Arbitrary<Body> {
  const content = document.paths[operation.path]?.post?.requestBody?.content ?? {};
  const bodies = Object.entries(content).map(([type, { schema }]) => {
    if (type === 'multipart/form-data') return { weight: 3, arbitrary: formBodies(material) };
    if (!type.endsWith('json')) return { weight: 1, arbitrary: fileBodies(material) };
    const made = schemaValues(document, schema);
    const right =
      operation.id === 'giveFeedback' ? feedbackValues(known, material) : predictValues(material);
    return { weight: 8, arbitrary: jsonBodies(mostly(right, made, 3)) };
  });
  return fc.oneof(...bodies);
}
