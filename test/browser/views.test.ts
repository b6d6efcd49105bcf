import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Manifest } from '../../shared/registry/manifest.ts';
import { hasChromium } from '../support/browser/chromium.ts';
import {
  checkAccessibility,
  desktopLight,
  eventually,
  launch,
  openPage,
} from '../support/browser/open-browser.ts';
import { looks, twoLooks } from '../support/browser/sampled-looks.ts';
import { trainAndPublish } from '../support/browser/serve.ts';

const worker = hasChromium ? inject('worker') : { url: '', env: {} };
let browser: Browser;
let runs: string;

beforeAll(async () => {
  runs = await mkdtemp(join(tmpdir(), 'catwalk-browser-runs-'));
  if (hasChromium) browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await rm(runs, { recursive: true });
});

async function servedManifest(): Promise<Manifest> {
  const response = await fetch(`${worker.url}/model`);
  return ((await response.json()) as { manifest: Manifest }).manifest;
}

describe.skipIf(!hasChromium)('Explore', () => {
  it.each(twoLooks)('shows the figures of the manifest ($name)', async (look) => {
    const { metrics, model, training } = await servedManifest();
    const { page, errors, close } = await openPage(browser, look, `${worker.url}/#/explore`);
    const figures = await page.locator('.figures').innerText();
    expect(figures).toContain(`${(100 * metrics.accuracy).toFixed(2)} %`);
    const scores = await page
      .locator('table', { hasText: 'Scores by label' })
      .locator('tbody tr')
      .allInnerTexts();
    expect(scores.map((row) => row.split('\t')[0])).toEqual(model.labels);
    expect(scores[6]).toContain(`${(100 * (metrics.perClass[6]?.f1 ?? 0)).toFixed(1)} %`);
    expect(await page.locator('.chart').count()).toBe(training.history ? 2 : 0);
    const cells = await page.locator('.heat tbody button').allInnerTexts();
    expect(cells.map(Number)).toEqual(metrics.confusion.flat());
    expect(errors).toEqual([]);
    await close();
  });

  it.each(twoLooks)('opens the images of a cell with the keyboard ($name)', async (look) => {
    const { metrics, model } = await servedManifest();
    const { page, errors, close } = await openPage(browser, look, `${worker.url}/#/explore`);
    await page.locator('.tiles li').first().waitFor();
    await page.locator('.heat tbody button').first().focus();
    for (const key of [...Array(6).fill('ArrowDown'), 'Enter']) await page.keyboard.press(key);
    const count = metrics.confusion[6]?.[0] ?? 0;
    await eventually(() => page.locator('.gallery [role=status]').innerText()).toContain(
      `${count} of 10,000`,
    );
    const tiles = await page.locator('.tiles li').allInnerTexts();
    expect(tiles).toHaveLength(Math.min(60, count));
    expect(tiles.every((text) => text.startsWith(`${model.labels[6]} → ${model.labels[0]}`))).toBe(
      true,
    );
    // The tiles are images, and the Worker's answer for one matches its cell.
    const link = page.locator('.tiles a').first();
    await eventually(() =>
      link.locator('img').evaluate((image: HTMLImageElement) => image.naturalWidth),
    ).toBe(56);
    await link.click();
    await page.locator('#actual', { hasText: `Actual: ${model.labels[6]}` }).waitFor();
    // Try may still show another shirt, which it chose when the page was loaded.
    await eventually(() => page.locator('#verdict').innerText()).toBe(model.labels[0]);
    expect(errors).toEqual([]);
    await close();
  });

  it('filters the images and finds the most confident mistakes', async () => {
    const { metrics } = await servedManifest();
    const wrong = Math.round((1 - metrics.accuracy) * 10_000);
    const { page, errors, close } = await openPage(
      browser,
      desktopLight,
      `${worker.url}/#/explore`,
    );
    await page.getByRole('button', { name: 'Most confident mistakes' }).click();
    const status = () => page.locator('.gallery [role=status]').innerText();
    await eventually(status).toBe(`${wrong.toLocaleString('en')} of 10,000 images`);
    const shares = (await page.locator('.tiles small').allInnerTexts()).map((text) =>
      Number.parseInt(text, 10),
    );
    expect(shares).toEqual(shares.toSorted((a, b) => b - a));
    await page.getByRole('button', { name: 'Show more' }).click();
    await eventually(() => page.locator('.tiles li').count()).toBe(Math.min(120, wrong));
    await page.getByLabel('Result').selectOption('right');
    await page.getByLabel('Label').selectOption('Trouser');
    await eventually(status).toBe(`${metrics.confusion[1]?.[1]} of 10,000 images`);
    expect(errors).toEqual([]);
    await close();
  });
});

describe.skipIf(!hasChromium)('Training', () => {
  it('shows new versions as they are published, without a reload', async () => {
    const { version: before } = await servedManifest();
    const { page, errors, close } = await openPage(
      browser,
      desktopLight,
      `${worker.url}/#/training`,
    );
    await page.locator('.arrivals', { hasText: before }).waitFor();
    await page.evaluate(() => {
      document.body.dataset.since = 'before';
    });
    await trainAndPublish(worker.env, runs, '--epochs', '3', '--seed', '2');
    await eventually(() => page.locator('.lead').innerText()).toContain('poch 3 of 3');
    const { version } = await servedManifest();
    await page.locator('.arrivals', { hasText: version }).waitFor();
    expect(await page.locator('table', { hasText: 'Epochs' }).locator('tbody tr').count()).toBe(3);
    const points = await page.locator('.chart polyline').first().getAttribute('points');
    expect(points?.split(' ')).toHaveLength(3);
    expect(await page.locator('#arrival').innerText()).toContain(version);
    expect(await page.locator('body').getAttribute('data-since')).toBe('before');
    expect(errors).toEqual([]);
    await close();
  });
});

describe.skipIf(!hasChromium)('Compare', () => {
  it.each(twoLooks)('compares the answers of two versions for one image ($name)', async (look) => {
    const { page, errors, close } = await openPage(browser, look, `${worker.url}/#/compare`);
    const sides = page.locator('.sides > section');
    const facts = (side: number) => sides.nth(side).locator('.quiet').innerText();
    await eventually(() => facts(1)).toMatch(/ms/);
    const { versions } = (await (await fetch(`${worker.url}/models`)).json()) as {
      versions: { version: string }[];
    };
    const [newest, older] = [versions[0]?.version as string, versions.at(-1)?.version as string];
    await sides.nth(0).locator('select').selectOption(`version=${newest}`);
    await sides.nth(1).locator('select').selectOption(`version=${older}`);
    await page.getByRole('button', { name: 'Next test image' }).click();
    await eventually(() => facts(0)).toContain(newest);
    await eventually(() => facts(1)).toContain(older);
    for (const [side, version] of [newest, older].entries()) {
      const response = await fetch(`${worker.url}/predict?index=1&version=${version}`);
      const { predicted } = (await response.json()) as { predicted: { label: string } };
      await eventually(() => sides.nth(side).locator('.verdict').innerText()).toBe(predicted.label);
    }
    expect(errors).toEqual([]);
    await close();
  });
});

it.skipIf(!hasChromium).each(looks)(
  'every view is accessible and fits the width of the screen ($name)',
  async (look) => {
    const { page, errors, close } = await openPage(browser, look, worker.url);
    for (const [view, ready] of [
      ['Explore', '.tiles li'],
      ['Training', '.arrivals li'],
      ['Compare', '.sides .quiet'],
    ] as const) {
      await page.getByRole('link', { name: view, exact: true }).click();
      await page.locator(ready).filter({ hasText: /\w/ }).first().waitFor();
      expect(await page.title()).toContain(view);
      // The focus moves to the heading, which screen readers announce.
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe(view);
      await checkAccessibility(page);
    }
    expect(errors).toEqual([]);
    await close();
  },
);
