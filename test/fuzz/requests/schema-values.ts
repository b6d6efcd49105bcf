import * as fc from 'fast-check';
import type { OpenApiDocument } from '../../../infra/openapi/document.ts';

/** The part of JSON Schema that the Worker's document uses. */
interface Schema {
  $ref?: string;
  anyOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
  type?: string;
  pattern?: string;
  minLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
}

const mostItems = 6;

/** @returns values that a schema of the document allows */
export function schemaValues(document: OpenApiDocument, schema: unknown): fc.Arbitrary<unknown> {
  const valuesOf = (inner: Schema) => schemaValues(document, inner);
  const { $ref, anyOf, enum: members, type, ...rest } = schema as Schema;
  if ($ref) return valuesOf(document.components.schemas[$ref.split('/').at(-1) ?? ''] as Schema);
  if (anyOf) return fc.oneof(...anyOf.map(valuesOf));
  if (members) return fc.constantFrom(...members);
  if ('const' in rest) return fc.constant(rest.const);
  const { minimum: min = -1e6, maximum: max = 1e6 } = rest;
  switch (type) {
    case 'string':
      return rest.pattern
        ? fc.stringMatching(new RegExp(rest.pattern))
        : fc.string({ minLength: rest.minLength ?? 0, maxLength: 40 });
    case 'integer':
      return fc.integer({ min: Math.max(min, -(2 ** 31)), max: Math.min(max, 2 ** 31 - 1) });
    case 'number':
      return fc.double({ min, max, noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array': {
      const { minItems: minLength = 0, maxItems = mostItems } = rest;
      const maxLength = Math.max(minLength, Math.min(maxItems, mostItems));
      return fc.array(valuesOf(rest.items ?? {}), { minLength, maxLength });
    }
    case 'object': {
      const { properties = {}, required = [] } = rest;
      const model = Object.fromEntries(
        Object.entries(properties).map(([name, inner]) => [name, valuesOf(inner)]),
      );
      return fc.record(model, { requiredKeys: required, noNullPrototype: true });
    }
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}
