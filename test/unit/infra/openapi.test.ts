import { Validator } from '@seriousme/openapi-schema-validator';
import { expect, it } from 'vitest';
import * as z from 'zod/mini';
import { docsPage } from '../../../infra/openapi/docs-page.ts';
import { openApiDocument } from '../../../infra/openapi/document.ts';
import { loadOperations } from '../../../infra/openapi/operations.ts';

const all = await loadOperations();
const document = openApiDocument(all);

it('is an OpenAPI 3.1 document by the specification’s own schema', async () => {
  const validator = new Validator();
  const result = await validator.validate(JSON.parse(JSON.stringify(document)));
  expect(result.errors ?? []).toEqual([]);
  expect(result.valid).toBe(true);
  expect(validator.version).toBe('3.1');
  const damaged = { ...document, info: { title: 'no version' } };
  expect((await new Validator().validate(damaged)).valid).toBe(false);
});

it('has no dangling reference', () => {
  const references = JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g);
  const targets = Array.from(references, ([, name]) => name);
  expect(targets.length).toBeGreaterThan(10);
  expect(Object.keys(document.components.schemas)).toEqual(expect.arrayContaining(targets));
});

it('names each operation once, and each parameter of its path', () => {
  expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  for (const { path, parameters } of all) {
    const named = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name);
    expect(Object.keys(parameters?.path ?? {}), path).toEqual(named);
  }
});

it('gives examples that match its schemas', () => {
  for (const { id, parameters = {}, body = {} } of all) {
    for (const { schema, example } of Object.values(parameters).flatMap((group) =>
      Object.values(group),
    )) {
      if (example === undefined) continue;
      expect(z.safeParse(schema, String(example)).success, `${id}: ${example}`).toBe(true);
    }
    for (const { schema, example } of Object.values(body)) {
      if (schema === undefined || example === undefined) continue;
      expect(z.safeParse(schema, example).success, `${id}: ${example}`).toBe(true);
    }
  }
});

it('has an example of each JSON answer, which its schema accepts, and a description of each route', () => {
  for (const { id, path, method, answers, description } of all) {
    expect(description, id).toMatch(/\.$/);
    const { schema } = answers[200]?.content?.['application/json'] ?? {};
    if (schema === undefined || id === 'versionFile') continue;
    const { example } =
      document.paths[path]?.[method]?.responses['200']?.content?.['application/json'] ?? {};
    expect(example, id).toBeDefined();
    const result = z.safeParse(schema, example);
    expect(result.error?.issues ?? [], id).toEqual([]);
  }
});

it('is shown by /docs, without another host and without inline scripts', () => {
  const page = docsPage(document, all);
  for (const { id, path } of all) {
    expect(page).toContain(`id="${id}"`);
    expect(page).toContain(path);
  }
  for (const name of Object.keys(document.components.schemas))
    expect(page).toContain(`id="${name}"`);
  const targets = Array.from(
    page.matchAll(/(?:href|src)="([^"]+)"/g),
    ([, target]) => target ?? '',
  );
  expect(targets.filter((target) => !/^[/#]/.test(target))).toEqual([]);
  const ids = Array.from(page.matchAll(/ id="([^"]+)"/g), ([, id]) => `#${id}`);
  expect(new Set(ids).size).toBe(ids.length);
  const anchors = targets.filter((target) => target.startsWith('#'));
  expect(anchors.filter((target) => !ids.includes(target))).toEqual([]);
  expect(page).not.toMatch(/<script(?![^>]* src=)| style=| on\w+=|\[object|undefined/);
  const gets = all.filter(({ method }) => method === 'get');
  expect(page.match(/<form class="try"/g)).toHaveLength(gets.length);
});
