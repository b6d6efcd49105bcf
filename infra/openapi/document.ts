import * as z from 'zod/mini';
import { type ProblemCode, problems } from '../../edge/errors.ts';
import { type Content, type Parameter, problemSchema } from '../../edge/routes/contract.ts';
import catwalk from '../../package.json' with { type: 'json' };
import { exampleAnswers } from './example-answers.ts';
import { type JsonSchema, toJsonSchemas } from './json-schemas.ts';
import type { Operation } from './operations.ts';

/** The parts of an OpenAPI 3.1 document that this one has (https://spec.openapis.org/oas/v3.1.1.html). */
export interface OpenApiDocument {
  openapi: string;
  info: Record<string, unknown>;
  servers: { url: string }[];
  tags: { name: string }[];
  paths: Record<string, Record<string, OperationObject>>;
  components: { schemas: Record<string, JsonSchema>; securitySchemes?: JsonSchema };
}

export interface OperationObject {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  parameters?: {
    name: string;
    in: string;
    required: boolean;
    description: string;
    schema: JsonSchema;
    example?: string | number;
  }[];
  requestBody?: { required: boolean; content: Record<string, MediaType> };
  responses: Record<string, { description: string; content?: Record<string, MediaType> }>;
  security?: Record<string, string[]>[];
}

export interface MediaType {
  schema?: JsonSchema;
  example?: unknown;
}

type Schema = z.core.$ZodType;

/** Describes the operations. Schemas to which their contracts give a name become components. */
export function openApiDocument(operations: readonly Operation[]): OpenApiDocument {
  const namedSchemas = { Problem: problemSchema };
  for (const { schemas } of operations) Object.assign(namedSchemas, schemas);
  const { named, inline } = toJsonSchemas(namedSchemas, operations.flatMap(schemasOf));
  const written = (schema: Schema) => inline.get(schema) as JsonSchema;
  const paths: OpenApiDocument['paths'] = {};
  for (const each of operations) {
    const path = paths[each.path] ?? {};
    path[each.method] = operationObject(each, written);
    paths[each.path] = path;
  }
  const tags = Array.from(new Set(operations.map(({ tag }) => tag)), (name) => ({ name }));
  return {
    openapi: '3.1.1',
    info: {
      title: 'Catwalk',
      version: catwalk.version,
      summary: 'Predictions, models, health and metrics of a Catwalk Worker.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags,
    paths,
    components: {
      schemas: named,
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'Required if the Worker has tokens configured.',
        },
      },
    },
  };
}

function* contentsOf({ body = {}, answers }: Operation): Generator<Content> {
  yield* Object.values(body);
  for (const { content = {} } of Object.values(answers)) yield* Object.values(content);
}

function schemasOf(operation: Operation): Schema[] {
  const parameters = Object.values(operation.parameters ?? {}).flatMap(Object.values<Parameter>);
  const all = [...parameters, ...contentsOf(operation)].map(({ schema }) => schema ?? []);
  return [...all.flat(), problemSchema];
}

function operationObject(
  operation: Operation,
  written: (schema: Schema) => JsonSchema,
): OperationObject {
  const { id, tag, summary, description, parameters = {}, body, takesToken } = operation;
  const listed = Object.entries(parameters).flatMap(([place, group]) =>
    Object.entries(group).map(([name, { schema, description, example }]) => ({
      name,
      in: place,
      required: place === 'path' || !z.safeParse(schema, undefined).success,
      description,
      schema: written(schema),
      ...(example !== undefined && { example }),
    })),
  );
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description && { description }),
    ...(listed.length > 0 && { parameters: listed }),
    ...(body && { requestBody: { required: true, content: contentObject(body, written) } }),
    responses: responsesObject(operation, written),
    // Also without a token, because a Worker may have none configured.
    ...(takesToken && { security: [{}, { token: [] }] }),
  };
}

function contentObject(
  content: Record<string, Content>,
  written: (schema: Schema) => JsonSchema,
): Record<string, MediaType> {
  return Object.fromEntries(
    Object.entries(content).map(([type, { schema, example }]) => [
      type,
      // In OpenAPI 3.1 an empty media type is bytes.
      { ...(schema && { schema: written(schema) }), ...(example !== undefined && { example }) },
    ]),
  );
}

function responsesObject(
  { id, answers, problems: codes }: Operation,
  written: (schema: Schema) => JsonSchema,
) {
  const responses: OperationObject['responses'] = {};
  for (const [status, { description, content }] of Object.entries(answers)) {
    responses[status] = {
      description,
      ...(content && { content: contentObject(content, written) }),
    };
  }
  const json = responses['200']?.content?.['application/json'];
  if (json && exampleAnswers[id] !== undefined) json.example = exampleAnswers[id];
  const type = 'application/problem+json';
  for (const [status, group] of byStatus(['bad_parameter', ...codes, 'internal_error'])) {
    const listed = group.map((code) => `\`${code}\`: ${problems[code].title}.`).join(' ');
    const present = responses[status];
    responses[status] = {
      description: present ? `${present.description} ${listed}` : listed,
      content: { [type]: { schema: written(problemSchema) }, ...present?.content },
    };
  }
  return responses;
}

const byStatus = (codes: ProblemCode[]) =>
  Map.groupBy(codes, (code) => String(problems[code].status));
