/** `catwalk/client`: a typed client for browsers, Node and other Workers. docs/07-typescript-client.md has an example. */

import type { Hono } from 'hono';
import { type ClientRequestOptions, hc } from 'hono/client';
import type * as z from 'zod/mini';
import type { problems } from './errors.ts';
import type { Contract, Parameter, problemSchema } from './routes/contract.ts';
import type { routes } from './routes/index.ts';
import type { servedManifestSchema } from './routes/models.ts';
import type { predictedAnswerSchema, predictionsSchema } from './routes/predict-image.ts';
import type { indexedAnswerSchema } from './routes/predict-index.ts';
import type { Route } from './routes/route.ts';

export type IndexedAnswer = z.output<typeof indexedAnswerSchema>;
export type PredictedAnswer = z.output<typeof predictedAnswerSchema>;
export type PredictionsAnswer = z.output<typeof predictionsSchema>;
export type ServedManifest = z.output<typeof servedManifestSchema>;
export type ProblemBody = z.output<typeof problemSchema>;

export type CatwalkClient = ReturnType<typeof hc<Api>>;

/**
 * Makes a client of Hono (https://hono.dev/docs/guides/rpc) with the types of this Worker's routes.
 *
 * @param url the Worker's address, such as `https://catwalk.example.workers.dev`
 * @param options a `fetch` of your own, or `headers` such as the bearer token
 */
export function catwalkClient(url: string, options?: ClientRequestOptions): CatwalkClient {
  return hc<Api>(url, options);
}

/** The Worker's routes in the form that Hono's client needs, derived from the list of routes. */
export type Api = Hono<
  object,
  {
    [Path in Entry['path']]: {
      [Method in EntryAt<Path>['method'] as `$${Method}`]: EndpointOf<
        Extract<EntryAt<Path>, { method: Method }>
      >;
    };
  }
>;

type Entry = (typeof routes)[number];
type EntryAt<Path> = Extract<Entry, { path: Path }>;
type EndpointOf<At> = At extends { load: () => Promise<Route<infer Of>> } ? Endpoint<Of> : never;

type Endpoint<Of extends Contract> =
  | { [Status in SuccessOf<Of>]: AnswerOf<Of, Status> }[SuccessOf<Of>]
  | {
      input: Input<Of>;
      output: ProblemBody;
      outputFormat: 'json';
      status: (typeof problems)[
        | Of['problems'][number]
        | 'bad_parameter'
        | 'internal_error']['status'];
    };

type SuccessOf<Of extends Contract> = Extract<keyof Of['answers'], 200 | 201 | 202 | 204>;

type AnswerOf<Of extends Contract, Status extends keyof Of['answers']> = {
  input: Input<Of>;
  status: Status;
} & (Of['answers'][Status] extends {
  content: { 'application/json': { schema: infer Schema extends z.core.$ZodType } };
}
  ? { output: z.output<Schema>; outputFormat: 'json' }
  : { output: undefined; outputFormat: 'body' });

/** Hono's client needs an object, also if there is nothing to send. */
type Input<Of> = object &
  Given<Of, 'query', 'query'> &
  Given<Of, 'path', 'param'> &
  Given<Of, 'header', 'header'> &
  Body<Of, 'application/json', 'json'> &
  Body<Of, 'multipart/form-data', 'form'>;

type Body<Of, Type extends string, Name extends string> = Of extends {
  body: Record<Type, { schema: infer Schema extends z.core.$ZodType }>;
}
  ? { [Key in Name]?: z.input<Schema> }
  : unknown;

/** Parameters under Hono's name for their place. The whole group is optional if each of its parameters is. */
type Given<Of, Place extends string, Name extends string> = Of extends {
  parameters: Record<Place, infer Group extends Record<string, Parameter>>;
}
  ? object extends Values<Group>
    ? { [Key in Name]?: Values<Group> }
    : { [Key in Name]: Values<Group> }
  : unknown;

type Values<Group extends Record<string, Parameter>> = z.input<
  z.ZodMiniObject<{ [Key in keyof Group]: Group[Key]['schema'] }>
>;
