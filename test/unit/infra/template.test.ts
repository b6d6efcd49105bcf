/** What the Deploy to Cloudflare button and the template gallery read (https://github.com/cloudflare/templates/blob/main/CONTRIBUTING.md). */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { deployButton } from '../../../infra/figures/repository.ts';

const repository = join(import.meta.dirname, '../../..');
const read = (file: string) => readFile(join(repository, file), 'utf8');

it('package.json describes the template', async () => {
  const { name, description, cloudflare, scripts } = JSON.parse(await read('package.json'));
  expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
  expect(description).toMatch(/^.{20,120}$/);
  expect(cloudflare.label).toMatch(/^[A-Z]\w*( [A-Z]\w*)*$/);
  expect(cloudflare.products.length).toBeLessThanOrEqual(3);
  expect(['starter', 'storage', 'ai']).toEqual(expect.arrayContaining(cloudflare.categories));
  for (const url of cloudflare.icon_urls) expect(new URL(url).protocol).toBe('https:');
  expect(scripts).toMatchObject({ build: expect.any(String), deploy: expect.any(String) });
});

it('every binding that is described exists', async () => {
  const { cloudflare } = JSON.parse(await read('package.json'));
  const configuration = await read('wrangler.jsonc');
  for (const binding of Object.keys(cloudflare.bindings)) {
    expect(configuration).toContain(`"binding": "${binding}"`);
  }
});

it('the README has a part for the dashboard, without commands and images', async () => {
  const marked = /<!-- dash-content-start -->([\s\S]*)<!-- dash-content-end -->/;
  const [, part = ''] = marked.exec(await read('README.md')) ?? [];
  expect(part.length).toBeGreaterThan(200);
  expect(part).not.toMatch(/```|!\[|<img/);
});

it("the button's link has the address of the repository", () => {
  const link = (url: string) =>
    `[![Deploy to Cloudflare](https://deploy.workers.cloudflare.com/button)](https://deploy.workers.cloudflare.com/?url=${url})`;
  const url = 'git+https://github.com/somebody/catwalk.git';
  expect(deployButton({ repository: { url } })).toBe(link('https://github.com/somebody/catwalk'));
  expect(deployButton({})).toBe(link('https://github.com/<you>/<your fork>'));
});
