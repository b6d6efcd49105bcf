import * as z from 'zod/mini';

export type JsonSchema = Record<string, unknown>;

/**
 * Converts zod schemas to JSON Schema (draft 2020-12). Schemas with a name refer to each other.
 *
 * @param named become `components.schemas`
 * @param inline are written in place
 * @returns both; an inline schema that has a name is only a reference
 */
export function toJsonSchemas(
  named: Record<string, z.core.$ZodType>,
  inline: Iterable<z.core.$ZodType>,
): { named: Record<string, JsonSchema>; inline: Map<z.core.$ZodType, JsonSchema> } {
  const registry = z.registry<{ id: string }>();
  const names = new Map<z.core.$ZodType, string>();
  for (const [name, schema] of Object.entries(named)) {
    registry.add(schema, { id: name });
    names.set(schema, name);
  }
  const places = new Map<z.core.$ZodType, string>();
  for (const schema of inline) {
    if (names.has(schema) || places.has(schema)) continue;
    const id = `inline ${places.size}`;
    // A copy, because other schemas that contain this one would refer to it.
    registry.add(z.clone(schema, schema._zod.def), { id });
    places.set(schema, id);
  }
  const uri = (id: string) => `#/components/schemas/${id}`;
  // Requests and answers share their schemas: no default is set on one side only.
  const { schemas } = z.toJSONSchema(registry, { uri, io: 'output' });
  const plain = (id: string) => withoutBounds(schemas[id] as JsonSchema);
  const written = new Map<z.core.$ZodType, JsonSchema>();
  for (const [schema, id] of places) written.set(schema, plain(id));
  for (const [schema, name] of names) written.set(schema, { $ref: uri(name) });
  return {
    named: Object.fromEntries(Object.keys(named).map((name) => [name, plain(name)])),
    inline: written,
  };
}

/**
 * Removes what only stand-alone schemas need, and the limits of safe integers. It also removes `additionalProperties: false`: clients
 * have to accept members that a later version adds.
 */
const withoutBounds = (schema: JsonSchema): JsonSchema =>
  JSON.parse(JSON.stringify(schema), (key, value) => {
    const isIdentifier = ['$schema', '$id', 'id'].includes(key) && typeof value === 'string';
    const isBound =
      (key === 'additionalProperties' && value === false) ||
      (key === 'maximum' && value === Number.MAX_SAFE_INTEGER) ||
      (key === 'minimum' && value === Number.MIN_SAFE_INTEGER);
    return isIdentifier || isBound ? undefined : value;
  });
