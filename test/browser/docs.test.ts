import type { Browser, Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { hasChromium } from '../support/browser/chromium.ts';
import {
  checkAccessibility,
  launch,
  type OpenedPage,
  openPage,
} from '../support/browser/open-browser.ts';
import { looks } from '../support/browser/sampled-looks.ts';

const worker = hasChromium ? inject('worker') : { url: '', env: {} };
let browser: Browser;
let opened: OpenedPage;

beforeAll(async () => {
  if (hasChromium) browser = await launch();
});
afterAll(() => browser?.close());

describe.skipIf(!hasChromium).each(looks)('The API page ($name)', (look) => {
  beforeAll(async () => {
    opened = await openPage(browser, look, `${worker.url}/docs`);
  });
  afterAll(async () => {
    await opened.close();
  });

  /** Sends the form of an operation, and returns what it then shows. */
  async function send(id: string, values: Record<string, string> = {}): Promise<Locator> {
    const form = opened.page.locator(`#${id} form.try`);
    for (const [name, value] of Object.entries(values)) {
      await form.locator(`[name="${name}"]`).fill(value);
    }
    await form.getByRole('button').click();
    await form.locator('output b').waitFor();
    return form.locator('output');
  }

  it('tries a prediction, and shows status, headers and body', async () => {
    const shown = await send('predictIndex', { index: '3', 'X-Catwalk-Alias': 'production' });
    expect(await shown.locator('p').textContent()).toMatch(/^GET \/predict\?index=3 → 200/);
    expect(await shown.locator('.headers').textContent()).toMatch(/^x-catwalk-alias: production$/m);
    const { actual } = (await (await fetch(`${worker.url}/predict?index=3`)).json()) as {
      actual: object;
    };
    const body = JSON.parse((await shown.locator('pre').last().textContent()) ?? '');
    expect(body).toMatchObject({ index: 3, actual });
  });

  it('shows an image as an image', async () => {
    const shown = await send('testImage', { scale: '4' });
    const image = shown.locator('img');
    await image.waitFor();
    expect(await image.evaluate((element: HTMLImageElement) => element.naturalWidth)).toBe(112);
  });

  it('knows the served version', async () => {
    const shown = await send('versionFile');
    expect(await shown.locator('p').textContent()).toMatch(/\/model\.json → 200/);
    expect(await shown.locator('pre').last().textContent()).toContain('"modelTopology"');
  });

  it('tries every other GET route', async () => {
    for (const id of ['listModels', 'servedModel', 'live', 'ready', 'metrics']) {
      expect(await (await send(id)).locator('p').textContent(), id).toContain('→ 200');
    }
  });

  it('is accessible, and breaks no rule of the Content-Security-Policy', async () => {
    await checkAccessibility(opened.page);
    expect(opened.errors).toEqual([]);
  });

  it('shows a problem', async () => {
    const shown = await send('predictIndex', { index: '-1' });
    expect(await shown.locator('p').textContent()).toContain('→ 400');
    expect(await shown.locator('pre').last().textContent()).toContain('"code": "bad_index"');
  });
});
