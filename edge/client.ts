/** `catwalk/client`: the Worker's routes for TypeScript callers, in browsers, Node and other Workers. docs/client.md has an example. */
import { type ClientRequestOptions, hc } from 'hono/client';
import type * as z from 'zod/mini';
import type { Api } from './api/client-types.ts';
import type {
  indexedAnswerSchema,
  predictedAnswerSchema,
  predictionsSchema,
  problemSchema,
  servedManifestSchema,
} from './api/schemas.ts';

export type { Api } from './api/client-types.ts';
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
