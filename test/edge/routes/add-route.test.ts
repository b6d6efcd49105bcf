/** The list of routes, and the example in CONTRIBUTING.md of adding one. */
import { beforeAll, describe, expect, it } from 'vitest';
import guide from '../../../CONTRIBUTING.md?raw';
import { routes } from '../../../edge/routes/index.ts';
import { get } from '../../../edge/routes/route.ts';
import { openApiDocument } from '../../../infra/openapi/document.ts';
import { operationsOf } from '../../../infra/openapi/operations.ts';
import { openBucket } from '../../support/edge/bucket.ts';
import source from '../../support/edge/labels-route.ts?raw';
import { openApp, type TestApp } from '../../support/edge/open-app.ts';

const extended = [
  ...routes,
  get('/labels', async () => (await import('../../support/edge/labels-route.ts')).labels),
];

describe('the example of a new route', () => {
  const bucket = openBucket();
  let app: TestApp;
  beforeAll(async () => {
    await bucket.moveAlias(await bucket.publish('one'));
    app = openApp(bucket, { routes: extended });
  });

  it('is the one in CONTRIBUTING.md', () => {
    const [file, line] = Array.from(guide.matchAll(/```ts\n(.*?)```/gs), ([, code]) => code);
    expect(file).toBe(
      `// edge/routes/labels.ts\n${source
        .replaceAll('../../../edge/routes/', './')
        .replaceAll('../../../edge/', '../')}`,
    );
    expect(line).toContain("get('/labels', async () => (await import('./labels.ts')).labels),");
  });

  it('is served', async () => {
    const { labels } = await app.json('/labels');
    expect(labels).toHaveLength(10);
    expect(await app.json('/labels?alias=none')).toMatchObject({ code: 'alias_not_found' });
  });

  it('answers OPTIONS and other methods', async () => {
    const options = await app.request('/labels', { method: 'OPTIONS' });
    expect(options.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
    const refused = await app.request('/labels', { method: 'POST' });
    expect(refused.status).toBe(405);
    expect(refused.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
  });

  it('is in the OpenAPI document', async () => {
    const { paths } = openApiDocument(await operationsOf(extended));
    expect(paths['/labels']?.get).toMatchObject({
      operationId: 'labels',
      tags: ['Models'],
      summary: 'List the labels of the served model',
    });
  });
});

it('a route exists only if its setting is on', async () => {
  const bucket = openBucket();
  expect(await openApp(bucket).json('/feedback', { method: 'POST' })).toMatchObject({
    code: 'not_found',
  });
  const app = openApp(bucket, {}, { FEEDBACK: 'open' });
  expect(await app.json('/feedback', { method: 'POST' })).toMatchObject({ code: 'empty_body' });
});
