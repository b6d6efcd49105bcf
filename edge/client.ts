/** `catwalk/client`: the Worker's routes for TypeScript callers, in browsers, Node and other Workers. docs/07-typescript-client.md has an example. */

import type { Hono } from 'hono';
import { type ClientRequestOptions, hc } from 'hono/client';
import type * as z from 'zod/mini';
import type { Operation } from './api/operation.ts';
import type { operations } from './api/operations.ts';
import type {
  indexedAnswerSchema,
  predictedAnswerSchema,
  predictionsSchema,
  problemSchema,
  servedManifestSchema,
} from './api/schemas.ts';
import type { problems } from './errors.ts';

export type IndexedAnswer = z.output<typeof indexedAnswerSchema>;
export type PredictedAnswer = z.output<typeof predictedAnswerSchema>;
export type PredictionsAnswer = z.output<typeof predictionsSchema>;
export type ServedManifest = z.output<typeof servedManifestSchema>;
export type ProblemBody = z.output<typeof problemSchema>;

export type CatwalkClient = ReturnType<typeof hc<Api>>;

/**
 * Hono's client (https://hono.dev/docs/guides/rpc) with the types of this Worker's routes.
 *
 * @param url the Worker's address, such as `https://catwalk.example.workers.dev`
 * @param options a `fetch` of your own, `headers` such as the bearer token
 */
export function catwalkClient(url: string, options?: ClientRequestOptions): CatwalkClient {
  return hc<Api>(url, options);
}

/** The Worker's routes as Hono's client wants them, made of the same operations as the OpenAPI document. */
export type Api = Hono<
  object,
  {
    [Path in Operations['path'] as HonoPath<Path>]: {
      [Method in At<Path>['method'] as `$${Method}`]: Endpoint<
        Extract<At<Path>, { method: Method }>
      >;
    };
  }
>;

type Operations = (typeof operations)[number];
type At<Path> = Extract<Operations, { path: Path }>;

/** `/images/{file}` as `/images/:file`. */
type HonoPath<Path extends string> = Path extends `${infer Before}{${infer Name}}${infer After}`
  ? `${Before}:${Name}${HonoPath<After>}`
  : Path;

type Endpoint<Of extends Operation> =
  | { [Status in Succeeding<Of>]: AnswerOf<Of, Status> }[Succeeding<Of>]
  | {
      input: Input<Of>;
      output: Of extends { problemSchema: infer Schema }
        ? OutputOf<Schema>
        : OutputOf<typeof problemSchema>;
      outputFormat: 'json';
      status: (typeof problems)[Of['problems'][number] | 'internal_error']['status'];
    };

type Succeeding<Of extends Operation> = Extract<keyof Of['answers'], 200 | 201 | 202 | 204>;

type AnswerOf<Of extends Operation, Status extends keyof Of['answers']> = {
  input: Input<Of>;
  output: Of['answers'][Status] extends {
    content: { 'application/json': { schema: infer Schema } };
  }
    ? OutputOf<Schema>
    : undefined;
  outputFormat: Of['answers'][Status] extends { content: { 'application/json': unknown } }
    ? 'json'
    : 'body';
  status: Status;
};

type OutputOf<Schema> = Schema extends z.core.$ZodType ? z.output<Schema> : never;
type InputOf<Schema> = Schema extends z.core.$ZodType ? z.input<Schema> : never;

type Input<Of extends Operation> = Given<Of, 'query', 'query'> &
  Given<Of, 'path', 'param'> &
  Given<Of, 'header', 'header'> &
  (Of extends { body: { 'application/json': { schema: infer Schema } } }
    ? { json?: InputOf<Schema> }
    : unknown) &
  (Of extends { body: { 'multipart/form-data': { schema: infer Schema } } }
    ? { form?: InputOf<Schema> }
    : unknown);

/** Parameters under Hono's name for their place, which may be left out where each of them may. */
type Given<Of extends Operation, Place extends string, Name extends string> = Of extends {
  parameters: Record<Place, infer Group>;
}
  ? undefined extends InputOf<SchemaIn<Group>[keyof Group]>
    ? { [Key in Name]?: Values<Group> }
    : { [Key in Name]: Values<Group> }
  : unknown;

type SchemaIn<Group> = {
  [Key in keyof Group]: Group[Key] extends { schema: infer Schema } ? Schema : never;
};

type Values<Group> = {
  [Key in keyof Group as undefined extends InputOf<SchemaIn<Group>[Key]> ? Key : never]?: Exclude<
    InputOf<SchemaIn<Group>[Key]>,
    undefined
  >;
} & {
  [Key in keyof Group as undefined extends InputOf<SchemaIn<Group>[Key]> ? never : Key]: InputOf<
    SchemaIn<Group>[Key]
  >;
};
