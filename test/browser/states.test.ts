import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type LocalWorker, startLocalWorker } from '../../infra/local/worker.ts';
import { hasChromium } from '../support/browser/chromium.ts';
import {
  checkAccessibility,
  desktopLight,
  eventually,
  launch,
  openPage,
  phoneDark,
} from '../support/browser/open-browser.ts';
import { twoLooks } from '../support/browser/sampled-looks.ts';
import { shapes, writeShapes } from '../support/datasets/write-shapes.ts';
import { publishModels } from '../support/models/publish-models.ts';

const shared = hasChromium ? inject('worker') : { url: '', env: {} };
const cli = join(import.meta.dirname, '../../trainer/cli.ts');
const whole = inject('whole');
let browser: Browser;
let folder: string;
const workers: LocalWorker[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-states-'));
  if (hasChromium) browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await Promise.all(workers.map((worker) => worker.stop()));
  await rm(folder, { recursive: true });
});

async function startWorker(name: string, variables: Record<string, string>): Promise<LocalWorker> {
  const worker = await startLocalWorker({ port: 0, persistTo: join(folder, name), variables });
  workers.push(worker);
  return worker;
}

/** The page's own errors: the browser itself logs refused requests. */
const ours = (errors: string[]) =>
  errors.filter((text) => !text.startsWith('Failed to load resource'));

describe.skipIf(!hasChromium)('error states', () => {
  it.runIf(whole)(
    'reports that no model is published, and shows a model with other labels once it is',
    async () => {
      const worker = await startWorker('empty', {
        MODEL_NAME: 'shapes-cnn',
        DATASET_NAME: 'shapes',
      });
      const { page, errors, close } = await openPage(browser, phoneDark, worker.url);
      await page.getByRole('heading', { name: 'No model is published yet' }).waitFor();
      expect(await page.locator('#trouble').innerText()).toContain('npm start');
      await checkAccessibility(page);

      await writeShapes(join(folder, 'Shapes'), { train: 40, test: 4 });
      await promisify(execFile)(
        process.execPath,
        [
          cli,
          'train',
          '--dataset',
          join(folder, 'Shapes'),
          '--runs',
          join(folder, 'runs'),
          '--backend',
          'wasm',
          '--epochs',
          '2',
          '--batch-size',
          '20',
          '--publish',
          's3://catwalk',
        ],
        { env: { ...process.env, ...worker.env } },
      );
      await page.locator('#verdict', { hasText: /\w/ }).waitFor();
      expect(await page.locator('#trouble').innerText()).toBe('');
      const names = await page.locator('#bars li span:first-child').allInnerTexts();
      expect(names).toEqual(shapes);
      await page.getByText('Draw', { exact: true }).click();
      await page.getByLabel('Drawing area').click();
      await eventually(() => page.locator('#seen').getAttribute('alt')).toContain('28 by 28');
      await page.getByRole('link', { name: 'Explore' }).click();
      await eventually(() => page.locator('.tiles li').count()).toBe(12);
      expect(await page.locator('.heat tbody button').count()).toBe(9);
      expect(ours(errors)).toEqual([]);
      await close();
    },
  );

  it.runIf(whole)('reports that the bucket is unreachable, and retries on request', async () => {
    // A port at which nothing listens.
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const worker = await startWorker('unreachable', {
      S3_BUCKET: 'catwalk',
      AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
      AWS_ACCESS_KEY_ID: 'a',
      AWS_SECRET_ACCESS_KEY: 'b',
    });
    const { page, errors, close } = await openPage(browser, desktopLight, worker.url);
    await page.getByRole('heading', { name: 'The bucket could not be read' }).waitFor();
    const asked = page.waitForRequest(`${worker.url}/model`);
    await page.locator('#trouble').getByRole('button', { name: 'Try again' }).click();
    await asked;
    await checkAccessibility(page);
    expect(ours(errors)).toEqual([]);
    await close();
  });

  it.each(twoLooks)(
    'reports an invalid file and a huge one, and accepts the next one ($name)',
    async (look) => {
      const { page, errors, close } = await openPage(browser, look, shared.url);
      await page.getByText('Picture', { exact: true }).click();
      const trouble = page.locator('#answer .trouble');
      const choose = (name: string, buffer: Buffer) =>
        page.locator('#file').setInputFiles({ name, mimeType: 'image/png', buffer });
      await choose('notes.png', Buffer.from('no picture at all'));
      await eventually(() => trouble.getAttribute('data-code')).toBe('unsupported_image');
      await choose('huge.png', Buffer.alloc(21 * 2 ** 20, 1));
      await eventually(() => trouble.getAttribute('data-code')).toBe('body_too_large');
      await checkAccessibility(page);
      // The page downscales a photo with too many pixels.
      const photograph = await page.evaluate(async () => {
        const canvas = new OffscreenCanvas(3000, 2000);
        canvas.getContext('2d')?.fillRect(500, 500, 900, 900);
        const blob = await canvas.convertToBlob({ type: 'image/jpeg' });
        return Array.from(new Uint8Array(await blob.arrayBuffer()));
      });
      await choose('photograph.jpg', Buffer.from(photograph));
      await page.locator('#verdict', { hasText: /\w/ }).waitFor();
      expect(await trouble.count()).toBe(0);
      expect(await page.locator('#file-note').innerText()).toBe(
        'Sent at 1024 × 683 instead of 3000 × 2000.',
      );
      expect(ours(errors)).toEqual([]);
      await close();
    },
  );

  it.runIf(whole)('asks for a token if one is needed, and sends it from then on', async () => {
    const worker = await startWorker('guarded', { API_TOKENS: 'page:0123456789abcdef0123456789' });
    await publishModels(worker.env, [1]);
    const { page, errors, close } = await openPage(browser, desktopLight, worker.url);
    await page.locator('#verdict', { hasText: /\w/ }).waitFor();
    await page.getByText('Draw', { exact: true }).click();
    await page.getByLabel('Drawing area').click();
    const trouble = page.locator('#answer .trouble');
    const send = async (token: string) => {
      await trouble.getByLabel('Token').fill(token);
      await trouble.getByRole('button', { name: 'Use this token' }).click();
    };
    await eventually(() => trouble.getAttribute('data-code')).toBe('unauthorized');
    await checkAccessibility(page);
    const refused = page.waitForResponse((response) => response.status() === 401);
    await send('another');
    await refused;
    await eventually(() => trouble.getByLabel('Token').inputValue()).toBe('');
    await send('0123456789abcdef0123456789');
    await eventually(() => trouble.count()).toBe(0);
    await page.locator('#verdict', { hasText: /\w/ }).waitFor();
    expect(ours(errors)).toEqual([]);
    await close();
  });

  it('reports that it is offline, and continues when the network is back', async () => {
    const { page, close } = await openPage(browser, phoneDark, `${shared.url}/#/try/0`);
    await page.locator('#verdict', { hasText: /\w/ }).waitFor();
    await page.context().setOffline(true);
    await page.getByRole('button', { name: 'Next test image' }).click();
    await page.getByRole('heading', { name: 'You are offline' }).first().waitFor();
    await page.context().setOffline(false);
    await eventually(() => page.locator('#image').getAttribute('alt')).toContain('Test image 1:');
    await eventually(() => page.getByRole('heading', { name: 'You are offline' }).count()).toBe(0);
    await close();
  });

  it.runIf(whole)(
    'shows a version of an older trainer, and says that its evaluation is missing',
    async () => {
      const runs = join(folder, 'old-runs');
      const train = [
        'train',
        '--epochs',
        '1',
        '--limit',
        '500',
        '--backend',
        'wasm',
        '--runs',
        runs,
      ];
      const { stdout } = await promisify(execFile)(process.execPath, [cli, ...train, '--json']);
      const { run } = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
      await rm(join(run, 'model/evaluation.json'));
      const worker = await startWorker('old', {});
      await promisify(execFile)(
        process.execPath,
        [cli, 'publish', run, '--bucket', 's3://catwalk', '--alias', 'production'],
        { env: { ...process.env, ...worker.env } },
      );
      const { page, errors, close } = await openPage(
        browser,
        desktopLight,
        `${worker.url}/#/explore`,
      );
      await page.getByRole('heading', { name: 'This version has no evaluation' }).waitFor();
      expect(await page.locator('.heat tbody button').count()).toBe(100);
      expect(ours(errors)).toEqual([]);
      await close();
    },
  );
});
