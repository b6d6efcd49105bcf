/** Fine-tuning on the page, with WebGPU on the CPU. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalWorker, startLocalWorker } from '../../infra/local/worker.ts';
import { argMax, normalizePixels } from '../../shared/model/predict.ts';
import { openBackend } from '../../trainer/backend/open-backend.ts';
import { hasChromium } from '../support/browser/chromium.ts';
import {
  checkAccessibility,
  desktopLight,
  launch,
  openPage,
  phoneDark,
} from '../support/browser/open-browser.ts';
import { trainAndPublish } from '../support/browser/serve.ts';

/** WebGPU on the CPU compiles for a minute on a busy machine. */
const slow = { timeout: 400_000 };
let folder: string;
let worker: LocalWorker;
let browser: Browser;

beforeAll(async () => {
  if (!hasChromium) return;
  folder = await mkdtemp(join(tmpdir(), 'catwalk-fine-tune-'));
  const variables = { FEEDBACK: 'open' };
  worker = await startLocalWorker({ port: 0, persistTo: join(folder, 'state'), variables });
  await trainAndPublish(worker.env, join(folder, 'runs'), '--epochs', '1');
  browser = await launch({ webgpu: true });
}, 240_000);
afterAll(async () => {
  await browser?.close();
  await worker?.stop();
  if (folder) await rm(folder, { recursive: true });
});

const training = (page: Page) => page.locator('#training');
const status = (page: Page) => training(page).getByRole('status');
const tiles = (page: Page) => training(page).locator('.own li');

/** Adds test image 4 with a label that the model does not give it, and returns the label. */
async function addFromTry(page: Page): Promise<string> {
  await page.locator('#actual', { hasText: 'Actual' }).waitFor();
  const label = (await page.locator('#verdict').innerText()) === 'Bag' ? 'Sandal' : 'Bag';
  await page.getByRole('link', { name: 'Training', exact: true }).click();
  await page.getByLabel('Label of new images').selectOption(label);
  await page.getByRole('button', { name: 'Add the image in Try' }).click();
  await tiles(page).first().waitFor();
  return label;
}

async function testPng(index: number): Promise<Buffer> {
  return Buffer.from(await (await fetch(`${worker.url}/images/${index}.png`)).arrayBuffer());
}

/** Drops a file on the page. */
async function drop(page: Page, png: Buffer): Promise<void> {
  const transfer = await page.evaluateHandle((bytes) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(bytes)], 'dropped.png', { type: 'image/png' }));
    return data;
  }, Array.from(png));
  await page.dispatchEvent('#training-title', 'drop', { dataTransfer: transfer });
}

async function downloaded(page: Page, name: string): Promise<Buffer> {
  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: `Download ${name}` }).click();
  const download = await downloading;
  expect(download.suggestedFilename()).toBe(name);
  return readFile(await download.path());
}

describe.skipIf(!hasChromium)('fine-tuning in the browser', () => {
  it('teaches the model images, and uploads nothing before the visitor sends feedback', {
    ...slow,
  }, async () => {
    const { page, errors, close } = await openPage(browser, desktopLight, `${worker.url}/#/try/4`);
    const posted: string[] = [];
    page.on('request', (request) => {
      if (request.method() !== 'GET') posted.push(new URL(request.url()).pathname);
    });
    const label = await addFromTry(page);
    await drop(page, await testPng(4));
    await tiles(page).nth(1).waitFor();
    expect(new URL(page.url()).hash).toBe('#/training');

    await page.getByLabel('Steps', { exact: true }).fill('500');
    await page.getByRole('button', { name: 'Fine-tune' }).click();
    await training(page)
      .getByText(/^Step ([6-9]|\d\d+) of 500, loss \d\.\d{4}$/)
      .waitFor(slow);
    await page.getByRole('button', { name: 'Stop' }).click();
    await status(page)
      .filter({ hasText: /^Done: \d{1,2} steps\.$/ })
      .waitFor(slow);
    const text = await training(page).innerText();
    expect(text).toContain('Your images with the label that you gave them: 2 of 2 (before: 0).');
    expect(text).toMatch(/Of 200 test images that it was not trained on, \d+ get another label/);
    expect(await tiles(page).first().innerText()).toMatch(new RegExp(`→ ${label} ✓$`));
    await checkAccessibility(page);
    expect(posted).toEqual([]);

    // TensorFlow.js loads the files, and its answer is the new one.
    const json = JSON.parse(String(await downloaded(page, 'model.json')));
    const weights = await downloaded(page, 'weights.bin');
    await openBackend('cpu');
    const model = await loadLayersModel(
      tf.io.fromMemory({
        modelTopology: json.modelTopology,
        weightSpecs: json.weightsManifest[0].weights,
        weightData: new Uint8Array(weights).buffer,
      }),
    );
    const pixels = await sharp(await testPng(4))
      .toColourspace('b-w')
      .raw()
      .toBuffer();
    const input = normalizePixels(pixels, { mean: 0.5, std: 0.5 });
    const logits = (model.predict(tf.tensor4d(input, [1, 28, 28, 1])) as tf.Tensor).dataSync();
    const served = await (await fetch(`${worker.url}/model`)).json();
    expect(
      (served as { manifest: { model: { labels: string[] } } }).manifest.model.labels[
        argMax(logits)
      ],
    ).toBe(label);

    await page.getByRole('button', { name: 'Send as feedback' }).click();
    await training(page).getByText('Sent, with their labels: 2.').waitFor();
    expect(posted).toEqual(['/feedback', '/predict', '/feedback']);
    expect(errors).toEqual([]);
    await close();
  });

  it('reports a GPU that stops, keeps the images, and can try again', { ...slow }, async () => {
    const { page, errors, close } = await openPage(browser, phoneDark, `${worker.url}/#/try/4`);
    await page.evaluate(() => {
      const { requestDevice } = GPUAdapter.prototype;
      GPUAdapter.prototype.requestDevice = async function (...options) {
        const device = await requestDevice.apply(this, options);
        setTimeout(() => device.destroy(), 500);
        return device;
      };
    });
    await addFromTry(page);
    await page.getByRole('button', { name: 'Fine-tune' }).click();
    await training(page).getByRole('heading', { name: 'The GPU stopped' }).waitFor(slow);
    expect(await tiles(page).count()).toBe(1);
    await checkAccessibility(page);
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('button', { name: 'Stop' }).waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    expect(errors).toEqual([]);
    await close();
  });

  it('refuses files that are not images, and more than 100', { ...slow }, async () => {
    const { page, errors, close } = await openPage(
      browser,
      desktopLight,
      `${worker.url}/#/training`,
    );
    const chooser = page.getByLabel('Add images');
    await chooser.setInputFiles({
      name: 'no.png',
      mimeType: 'image/png',
      buffer: Buffer.from('no'),
    });
    await status(page).filter({ hasText: 'This browser can’t decode no.png.' }).waitFor();
    expect(await page.getByRole('button', { name: 'Fine-tune' }).isDisabled()).toBe(true);
    const file = { name: 'shirt.png', mimeType: 'image/png', buffer: await testPng(4) };
    await chooser.setInputFiles(Array.from({ length: 101 }, () => file));
    await status(page).filter({ hasText: 'There are too many images' }).waitFor();
    expect(await tiles(page).count()).toBe(100);
    await page.getByRole('button', { name: 'Remove' }).first().click();
    expect(await tiles(page).count()).toBe(99);
    expect(errors).toEqual([]);
    await close();
  });

  it('says what is missing', async () => {
    const withoutGpu = await launch();
    try {
      const opened = await openPage(withoutGpu, phoneDark, `${worker.url}/#/training`);
      await opened.page.getByText('WebGPU finds no GPU').waitFor();
      await checkAccessibility(opened.page);
      await opened.close();
    } finally {
      await withoutGpu.close();
    }
    const { page, errors, close } = await openPage(browser, desktopLight, worker.url);
    await page.evaluate(() => Reflect.deleteProperty(Navigator.prototype, 'gpu'));
    await page.getByRole('link', { name: 'Training', exact: true }).click();
    await page.getByText('This browser has no WebGPU').waitFor();
    expect(errors).toEqual([]);
    await close();
  });
});
