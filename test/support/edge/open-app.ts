import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { type CreateAppOptions, createApp } from '../../../edge/app.ts';
import { parseConfiguration } from '../../../edge/configuration.ts';
import { r2ObjectStore } from '../../../edge/store/r2-object-store.ts';
import type { TestBucket } from './bucket.ts';

/** The Worker's app on a test's bucket, with a clock that the test controls. */
export function openApp(
  { bucket, prefix }: TestBucket,
  options: Partial<CreateAppOptions> = {},
  variables: Record<string, string> = {},
) {
  let time = Date.parse('2026-11-24T12:00:00Z');
  const app = createApp({
    store: r2ObjectStore(bucket),
    configuration: parseConfiguration({
      BUCKET_PREFIX: prefix,
      ALIAS_POLL_SECONDS: '2',
      ...variables,
    }),
    now: () => time,
    ...options,
  });

  /** Sends a request and waits for its background work. */
  async function request(path: string, init?: RequestInit): Promise<Response> {
    const context = createExecutionContext();
    const response = await app.fetch(new Request(`http://catwalk.test${path}`, init), {}, context);
    await waitOnExecutionContext(context);
    return response;
  }

  return {
    request,
    /** @returns the answer's JSON, whatever its status */
    json: async (path: string, init?: RequestInit) =>
      (await (await request(path, init)).json()) as Answer,
    post: (body: BodyInit, contentType?: string, query = '') =>
      request(`/predict${query}`, {
        method: 'POST',
        body,
        headers: contentType === undefined ? {} : { 'content-type': contentType },
      }),
    passTime: (milliseconds: number) => {
      time += milliseconds;
    },
  };
}

export type TestApp = ReturnType<typeof openApp>;

/** Any answer of the Worker. */
// biome-ignore lint/suspicious/noExplicitAny: the tests check what it is.
export type Answer = any;
