import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { fashionMnistCnn } from '../../shared/model/model-spec.ts';
import { hasChromium } from '../support/browser/chromium.ts';
import {
  checkAccessibility,
  eventually,
  launch,
  type OpenedPage,
  openPage,
} from '../support/browser/open-browser.ts';
import { looks, twoLooks } from '../support/browser/sampled-looks.ts';

const { labels } = fashionMnistCnn;
const worker = hasChromium ? inject('worker') : { url: '', env: {} };
let browser: Browser;
let opened: OpenedPage;

beforeAll(async () => {
  if (hasChromium) browser = await launch();
});
afterAll(() => browser?.close());

const textOf = (page: Page, selector: string) => page.locator(selector).innerText();

/** Returns the label once no request is pending. */
async function verdict(page: Page): Promise<string> {
  await page.locator('#answer[aria-busy=false] #verdict').filter({ hasText: /\w/ }).waitFor();
  return textOf(page, '#verdict');
}

/** Returns the Worker's own answer. */
async function ask(path: string, init?: RequestInit) {
  const response = await fetch(`${worker.url}/${path}`, init);
  return (await response.json()) as { predicted: { label: string }; actual: { label: string } };
}

describe.skipIf(!hasChromium).each(looks)('Try ($name)', (look) => {
  beforeAll(async () => {
    opened = await openPage(browser, look, `${worker.url}/#/try/0`);
  });
  afterAll(async () => {
    expect(opened.errors).toEqual([]);
    await opened.close();
  });

  it("shows a test image, ten probabilities, the network's input, the version and the time", async () => {
    const { page } = opened;
    const { predicted, actual } = await ask('predict?index=0');
    expect(await verdict(page)).toBe(predicted.label);
    expect(await textOf(page, '#actual')).toContain(actual.label);
    const rows = await page.locator('#bars li').allInnerTexts();
    expect(rows.map((row) => row.split('\n')[0])).toEqual(labels);
    const sum = rows.reduce((total, row) => total + Number(/([\d.]+) %/.exec(row)?.[1]), 0);
    expect(sum).toBeCloseTo(100, -0.5);
    await page.locator('#seen').waitFor();
    expect(
      await page.locator('#seen').evaluate((image: HTMLImageElement) => image.naturalWidth),
    ).toBe(28);
    const { manifest } = (await (await fetch(`${worker.url}/model`)).json()) as {
      manifest: { version: string };
    };
    expect(await textOf(page, '#worker-version')).toBe(manifest.version);
    expect(await textOf(page, '#worker-time')).toMatch(/^\d+ ms/);
    await eventually(() => textOf(page, '#spoken')).toContain(`Predicted ${predicted.label}`);
  });

  it('steps through the test images', async () => {
    const { page } = opened;
    await page.getByRole('button', { name: 'Next test image' }).click();
    await eventually(() => page.locator('#image').getAttribute('alt')).toContain('Test image 1:');
    await page.getByLabel('No.').fill('99');
    await page.getByLabel('No.').press('Enter');
    await eventually(() => page.locator('#image').getAttribute('alt')).toContain('Test image 99:');
    await page.getByLabel('Previous test image').click();
    await eventually(() => page.locator('#image').getAttribute('alt')).toContain('Test image 98:');
    const { predicted } = await ask('predict?index=98');
    expect(await verdict(page)).toBe(predicted.label);
  });

  it('is accessible and fits the width of the screen', async () => {
    await checkAccessibility(opened.page);
    await opened.page.locator('#snippets summary').click();
    await checkAccessibility(opened.page);
  });
});

describe.skipIf(!hasChromium).each(twoLooks)('Your own picture ($name)', (look) => {
  beforeAll(async () => {
    opened = await openPage(browser, look, `${worker.url}/`);
  });
  afterAll(async () => {
    expect(opened.errors).toEqual([]);
    await opened.close();
  });

  it('predicts while you draw, and requests only the newest drawing', async () => {
    const { page } = opened;
    const posts: string[] = [];
    page.on('request', (request) => {
      if (request.method() === 'POST') posts.push('sent');
    });
    page.on('requestfailed', (request) => posts.push(request.failure()?.errorText ?? ''));
    await page.getByText('Draw', { exact: true }).click();
    expect(await textOf(page, '#kicker')).toBe('Draw something');
    // The first is never answered: the page must not wait for it.
    await page.route(/\/predict\?echo/, (route) => posts.length > 1 && route.continue());
    await page.getByLabel('Drawing area').scrollIntoViewIfNeeded();
    const box = await page.getByLabel('Drawing area').boundingBox();
    if (!box) throw new Error('There is no sheet.');
    const moveTo = (x: number, y: number) =>
      page.mouse.move(box.x + x * box.width, box.y + y * box.height, { steps: 10 });
    await moveTo(0.4, 0.1);
    await page.mouse.down();
    for (const [x, y] of [
      [0.6, 0.1],
      [0.62, 0.9],
      [0.52, 0.9],
      [0.5, 0.3],
    ] as const)
      await moveTo(x, y);
    // The pen is still down.
    expect(labels).toContain(await verdict(page));
    for (const [x, y] of [
      [0.48, 0.9],
      [0.38, 0.9],
      [0.4, 0.1],
    ] as const)
      await moveTo(x, y);
    await page.mouse.up();
    expect(labels).toContain(await verdict(page));
    await page.locator('#seen').waitFor();
    expect(posts.filter((what) => what === 'sent').length).toBeGreaterThan(1);
    // Requests for earlier states of the drawing are aborted.
    const failures = posts.filter((what) => what !== 'sent');
    expect(failures.length).toBeGreaterThan(0);
    expect(failures.every((what) => what.includes('ABORTED'))).toBe(true);
    await page.unrouteAll();

    await page.getByRole('button', { name: 'Undo' }).click();
    await eventually(() => textOf(page, '#kicker')).toBe('Draw something');
  });

  it('can be drawn with the keyboard', async () => {
    const { page } = opened;
    await page.getByLabel('Drawing area').focus();
    for (const key of ['Space', ...Array(6).fill('ArrowDown'), ...Array(4).fill('ArrowRight')]) {
      await page.keyboard.press(key);
    }
    await page.keyboard.press('Space');
    expect(labels).toContain(await verdict(page));
    await page.getByRole('button', { name: 'Clear' }).click();
    expect(await page.getByRole('button', { name: 'Clear' }).isDisabled()).toBe(true);
  });

  it('can be chosen, dropped or pasted', async () => {
    const { page } = opened;
    const picture = join(import.meta.dirname, '../../docs/page.png');
    const bytes = await readFile(picture);
    const { predicted } = await ask('predict', { method: 'POST', body: bytes });
    await page.getByText('Picture', { exact: true }).click();
    await page.locator('#file').setInputFiles(picture);
    expect(await verdict(page)).toBe(predicted.label);
    expect(await page.locator('#image').getAttribute('alt')).toBe('Your picture');

    for (const how of ['drop', 'paste'] as const) {
      const index = how === 'drop' ? 3 : 5;
      const expected = await ask(`predict?index=${index}`);
      const answered = page.waitForResponse((response) => response.request().method() === 'POST');
      await page.evaluate(
        async ({ how, index }) => {
          const blob = await (await fetch(`images/${index}.png`)).blob();
          const data = new DataTransfer();
          data.items.add(new File([blob], `${index}.png`, { type: 'image/png' }));
          const init = { bubbles: true, cancelable: true };
          document.body.dispatchEvent(
            how === 'drop'
              ? new DragEvent('drop', { ...init, dataTransfer: data })
              : new ClipboardEvent('paste', { ...init, clipboardData: data }),
          );
        },
        { how, index },
      );
      await answered;
      expect(await verdict(page)).toBe(expected.predicted.label);
    }
  });

  it('is a photo on which the part that the network saw is drawn, upright', async () => {
    const { page } = opened;
    const photo = join(import.meta.dirname, '../fixtures/image-cases/phone-12mp-exif6.jpg');
    await page.getByText('Picture', { exact: true }).click();
    await page.locator('#file').setInputFiles(photo);
    expect(labels).toContain(await verdict(page));
    await page.locator('#crop').waitFor();
    const box = async (selector: string) => {
      const found = await page.locator(selector).boundingBox();
      if (!found) throw new Error(`${selector} is not visible.`);
      return found;
    };
    const [frame, crop] = [await box('#frame'), await box('#crop')];
    expect(await box('#image')).toEqual(frame);
    const edges = [
      crop.x - frame.x,
      crop.y - frame.y,
      crop.x + crop.width - frame.x,
      crop.y + crop.height - frame.y,
    ].map((edge) => edge / frame.width);
    // The upright photo fills the height of the frame and three quarters of its width. The boot lies in its middle.
    const boot = [0.17, 0.33, 0.83, 0.7];
    const distances = edges.map((edge, i) => Math.abs(edge - (boot[i] as number)));
    expect(Math.max(...distances), JSON.stringify(edges)).toBeLessThan(0.07);
    expect((await box('#seen')).width).toBe(112);
    await checkAccessibility(page);

    await page.getByText('Test image', { exact: true }).click();
    expect(labels).toContain(await verdict(page));
    expect(await page.locator('#crop').isHidden()).toBe(true);
  });

  it('comes from the camera frame by frame until it is held', async () => {
    const { page } = opened;
    let frames = 0;
    page.on('request', (request) => {
      if (request.method() === 'POST') frames++;
    });
    await page.getByText('Camera', { exact: true }).click();
    expect(labels).toContain(await verdict(page));
    await eventually(async () => frames).toBeGreaterThan(2);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Resume' }).waitFor();
    expect(await page.locator('#video').evaluate((video: HTMLVideoElement) => video.paused)).toBe(
      true,
    );
    await page.getByText('Test image', { exact: true }).click();
    await eventually(() =>
      page.locator('#video').evaluate((video: HTMLVideoElement) => video.srcObject === null),
    ).toBe(true);
  });
});
