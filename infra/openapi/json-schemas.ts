import * as z from 'zod/mini';

export type JsonSchema = Record<string, unknown>;

/**
 * JSON Schema (draft 2020-12) of zod schemas, in which the named ones refer to each other.
 *
 * @param named become `components.schemas`
 * @param inline stand where they are used
 * @returns both kinds; an inline schema that is a named one is but a reference
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
    // A copy: the same schema may be a part of others, which would then refer to it.
    registry.add(z.clone(schema, schema._zod.def), { id });
    places.set(schema, id);
  }
  const uri = (id: string) => `#/components/schemas/${id}`;
  // What a client sends has no defaults that only the Worker's side would know: one direction will do for both.
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
 * Leaves out what only a schema of its own needs, the largest whole number that JavaScript counts to, and that nothing
 * may be added: a later version of an answer may have more members, which a client should not stumble over.
 */
function withoutBounds(schema: JsonSchema): JsonSchema {
  const copy = JSON.parse(JSON.stringify(schema), (key, value) => {
    if (key === '$schema' || key === '$id' || key === 'id') {
      return typeof value === 'string' ? undefined : value;
    }
    if (key === 'additionalProperties' && value === false) return undefined;
    if (key === 'maximum' && value === Number.MAX_SAFE_INTEGER) return undefined;
    if (key === 'minimum' && value === Number.MIN_SAFE_INTEGER) return undefined;
    return value;
  });
  return copy;
}
