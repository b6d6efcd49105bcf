import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { hasChromium } from '../support/browser/chromium.ts';
import {
  checkAccessibility,
  desktopLight,
  eventually,
  launch,
  openPage,
} from '../support/browser/open-browser.ts';
import { twoLooks } from '../support/browser/sampled-looks.ts';

const worker = hasChromium ? inject('worker') : { url: '', env: {} };
const run = promisify(execFile);
let browser: Browser;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-snippets-'));
  if (hasChromium) browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await rm(folder, { recursive: true });
});

const textOf = (page: Page, selector: string) => page.locator(selector).innerText();

describe.skipIf(!hasChromium)('prediction in the browser', () => {
  it.each(twoLooks)('gives the same answer as the Worker ($name)', async (look) => {
    const { page, errors, close } = await openPage(browser, look, `${worker.url}/#/try/4`);
    const scripts: string[] = [];
    page.on('request', (request) => scripts.push(request.url()));
    await page.locator('#worker-time', { hasText: 'ms' }).waitFor();
    expect(scripts.filter((url) => /weights|local-model/.test(url))).toEqual([]);
    await page.getByText('Also run in this browser').click();
    for (const backend of ['wasm', 'webgl', 'cpu']) {
      await page.locator('#backend').selectOption(backend);
      await eventually(() => textOf(page, '#local-time')).toMatch(
        new RegExp(`^[\\d.]+ ms on ${backend}; the same to 0.01 %$`),
      );
      expect(await textOf(page, '#local-text')).toBe(await textOf(page, '#worker-text'));
    }
    expect(scripts.filter((url) => url.endsWith('/weights.bin')).length).toBeGreaterThan(0);
    await checkAccessibility(page);
    expect(errors).toEqual([]);

    // Without a network the model in the browser answers.
    await page.getByText('Draw', { exact: true }).click();
    await page.context().setOffline(true);
    await page.getByLabel('Drawing area').click();
    await eventually(() => textOf(page, '#worker-text')).toBe('You are offline');
    await eventually(() => textOf(page, '#local-time')).toMatch(/ms on cpu$/);
    expect(await textOf(page, '#verdict')).toBe((await textOf(page, '#local-text')).split(',')[0]);
    await close();
  });
});

describe.skipIf(!hasChromium)('the code snippets', () => {
  /** @returns each language's snippet */
  async function read(page: Page): Promise<Record<string, string>> {
    const codes: Record<string, string> = {};
    for (const language of ['curl', 'TypeScript', 'Python', 'KServe']) {
      await page.locator('#languages').getByText(language, { exact: true }).click();
      codes[language] = (await page.locator('#code').textContent()) ?? '';
    }
    return codes;
  }

  async function runAll(codes: Record<string, string>, label: string): Promise<void> {
    const { stdout } = await run('bash', ['-c', codes.curl as string], { cwd: folder });
    expect(JSON.parse(stdout).predicted.label).toBe(label);
    const file = join(folder, 'snippet.ts');
    await writeFile(file, codes.TypeScript as string);
    expect((await run(process.execPath, [file], { cwd: folder })).stdout).toContain(label);
    const hasPython = await run('python3', ['--version']).then(
      () => true,
      () => false,
    );
    if (hasPython) {
      const { stdout } = await run('python3', ['-c', codes.Python as string], { cwd: folder });
      expect(stdout).toContain(label);
    }
  }

  it('run and return the answer on screen', async () => {
    const { page, errors, close } = await openPage(browser, desktopLight, `${worker.url}/#/try/7`);
    await page.locator('#snippets summary').click();
    const indexed = await read(page);
    await runAll(indexed, await textOf(page, '#verdict'));
    await page.getByRole('button', { name: 'Copy' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    expect(copied).toBe(indexed.KServe);

    await page.getByText('Draw', { exact: true }).click();
    await page.getByLabel('Drawing area').click();
    await page
      .locator('#code', { hasText: 'data:image' })
      .waitFor({ state: 'attached' })
      .catch(() => {});
    const drawn = await read(page);
    expect(drawn.curl).toContain('data:image/png;base64,');
    await runAll(drawn, await textOf(page, '#verdict'));
    expect(errors).toEqual([]);
    await close();
  });
});
