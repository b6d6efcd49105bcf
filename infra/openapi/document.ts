import * as z from 'zod/mini';
import type { Content, Operation, Parameter } from '../../edge/api/operation.ts';
import { problemSchema } from '../../edge/api/schemas.ts';
import { type ProblemCode, problems } from '../../edge/errors.ts';
import catwalk from '../../package.json' with { type: 'json' };
import { type JsonSchema, toJsonSchemas } from './json-schemas.ts';

/** An OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1.html), as far as this one goes. */
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

interface MediaType {
  schema?: JsonSchema;
  example?: unknown;
}

type Schema = z.core.$ZodType;

/** Of every route, whatever it does. */
const anyRoute: ProblemCode[] = ['internal_error'];

/**
 * @param operations every route
 * @param namedSchemas what the document gives a name, by that name
 */
export function openApiDocument(
  operations: readonly Operation[],
  namedSchemas: Record<string, Schema>,
): OpenApiDocument {
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
      summary: catwalk.description,
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
          description: 'Needed where the Worker has tokens configured.',
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
  const { parameters = {}, problemSchema: ownProblem = problemSchema } = operation;
  const inParameters = Object.values(parameters).flatMap((group) =>
    Object.values(group).map(({ schema }) => schema),
  );
  const inContents = Array.from(contentsOf(operation), ({ schema }) => schema ?? []).flat();
  return [...inParameters, ...inContents, ownProblem];
}

function operationObject(
  operation: Operation,
  written: (schema: Schema) => JsonSchema,
): OperationObject {
  const { id, tag, summary, parameters = {}, body, takesToken = false } = operation;
  const description = [operation.description, operation.onlyWhere].filter(Boolean).join('\n\n');
  const listed = Object.entries(parameters).flatMap(([place, group]) =>
    Object.entries(group).map(([name, parameter]) =>
      parameterObject(name, place, parameter, written),
    ),
  );
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description && { description }),
    ...(listed.length > 0 && { parameters: listed }),
    ...(body && { requestBody: { required: true, content: contentObject(body, written) } }),
    responses: responsesObject(operation, written),
    // Without one, too: a Worker that has no tokens configured asks for none.
    ...(takesToken && { security: [{}, { token: [] }] }),
  };
}

function parameterObject(
  name: string,
  place: string,
  { schema, description, example }: Parameter,
  written: (schema: Schema) => JsonSchema,
) {
  return {
    name,
    in: place,
    required: place === 'path' || !isOptional(schema),
    description,
    schema: written(schema),
    ...(example !== undefined && { example }),
  };
}

const isOptional = (schema: Schema) => z.safeParse(schema, undefined).success;

function contentObject(
  content: Record<string, Content>,
  written: (schema: Schema) => JsonSchema,
): Record<string, MediaType> {
  return Object.fromEntries(
    Object.entries(content).map(([type, { schema, example }]) => [
      type,
      // An empty media type is bytes, as OpenAPI 3.1 has it.
      { ...(schema && { schema: written(schema) }), ...(example !== undefined && { example }) },
    ]),
  );
}

function responsesObject(operation: Operation, written: (schema: Schema) => JsonSchema) {
  const { answers, problemSchema: ownProblem } = operation;
  const responses: OperationObject['responses'] = {};
  for (const [status, { description, content }] of Object.entries(answers)) {
    responses[status] = {
      description,
      ...(content && { content: contentObject(content, written) }),
    };
  }
  const type = ownProblem ? 'application/json' : 'application/problem+json';
  const schema = written(ownProblem ?? problemSchema);
  for (const [status, codes] of byStatus([...operation.problems, ...anyRoute])) {
    const listed = codes.map((code) => `\`${code}\`: ${problems[code].title}.`).join(' ');
    const said = responses[status];
    responses[status] = {
      description: said ? `${said.description} ${listed}` : listed,
      content: { ...said?.content, [type]: said?.content?.[type] ?? { schema } },
    };
  }
  return responses;
}

/** @returns codes by their status, as JSON's object keys are sorted */
function byStatus(codes: readonly ProblemCode[]): Map<string, ProblemCode[]> {
  const groups = new Map<string, ProblemCode[]>();
  for (const code of codes) {
    const status = String(problems[code].status);
    groups.set(status, [...(groups.get(status) ?? []), code]);
  }
  return groups;
}
