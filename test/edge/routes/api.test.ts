import { Hono } from 'hono';
import { expect, it } from 'vitest';
import type { Operation } from '../../../edge/api/operation.ts';
import { operations } from '../../../edge/api/operations.ts';
import { createApp } from '../../../edge/app.ts';
import { parseConfiguration } from '../../../edge/configuration.ts';
import { r2ObjectStore } from '../../../edge/store/r2-object-store.ts';
import { openBucket } from '../../support/edge/bucket.ts';

const all: readonly Operation[] = operations;
const { bucket } = openBucket();
// Every route, including those that exist only if configured.
const { routes } = createApp({
  store: r2ObjectStore(bucket),
  configuration: parseConfiguration({ FEEDBACK: 'on' }),
});
// The specifications of the protocols describe /v1 and /v2.
const answering = routes.filter(({ method }) => method === 'GET' || method === 'POST');

/** The path with its parameters' examples. */
const exampleOf = ({ path, parameters }: Operation) =>
  path.replace(/\{(\w+)\}/g, (_, name) => String(parameters?.path?.[name]?.example));

/** Whether the app's pattern stands for a path, by Hono's own router. */
function matches(pattern: string, path: string): boolean {
  const probe = new Hono();
  probe.get(pattern, (context) => context.text(''));
  return (probe.router.match('GET', path)[0] ?? []).length > 0;
}

it('has every route of the app', () => {
  expect(answering.length).toBeGreaterThan(5);
  const missing = answering.filter(
    ({ method, path }) =>
      !all.some((each) => each.method.toUpperCase() === method && matches(path, exampleOf(each))),
  );
  expect(missing.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
});

it('has no route that the app does not have', () => {
  const absent = all.filter(
    (each) =>
      !answering.some(
        ({ method, path }) =>
          each.method.toUpperCase() === method && matches(path, exampleOf(each)),
      ),
  );
  expect(absent.map(({ id }) => id)).toEqual([]);
});
