/** The page of a network for photos. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { io } from '@tensorflow/tfjs-core';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalWorker, startLocalWorker } from '../../infra/local/worker.ts';
import { openBackend } from '../../trainer/backend/open-backend.ts';
import { openBucket } from '../../trainer/registry/bucket.ts';
import { moveAlias } from '../../trainer/registry/move-alias.ts';
import { modelFiles, publishVersion } from '../../trainer/registry/publish-version.ts';
import { uploadTestSet } from '../../trainer/registry/test-set.ts';
import { evaluationBytes } from '../../trainer/run/run-folder.ts';
import { computeMetrics } from '../../trainer/train/metrics.ts';
import { hasChromium } from '../support/browser/chromium.ts';
import {
  checkAccessibility,
  desktopLight,
  eventually,
  launch,
  openPage,
  phoneDark,
} from '../support/browser/open-browser.ts';
import { photoModel } from '../support/models/photo-model.ts';
import { photoPixels, photoSpec } from '../support/models/photo-spec.ts';
import { trainingOfTests } from '../support/models/trained-model.ts';
import { imports } from '../support/python/imports.ts';
import { requirement } from '../support/requirement.ts';

const side = 160;
const python = process.env.CATWALK_PYTHON ?? 'python3';
const isPillowHere = requirement(
  await imports(python, 'numpy', 'PIL.Image'),
  'a program for Python. Set CATWALK_PYTHON to a Python with numpy and pillow.',
  'CATWALK_REQUIRE_PILLOW',
);
const name = 'photos-cnn';
let folder: string;
let worker: LocalWorker;
let browser: Browser;

/** Publishes an untrained network, with three test images. */
async function publish(env: Record<string, string>): Promise<void> {
  await openBackend('cpu');
  let artifacts: io.ModelArtifacts = {};
  const save = async (saved: io.ModelArtifacts) => {
    artifacts = saved;
    return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' as const } };
  };
  await photoModel(side).save(io.withSaveHandler(save));
  const photos = photoSpec(side);
  const { labels, preprocessing } = photos;
  const set = {
    images: Buffer.concat([0, 1, 2].map((index) => photoPixels(side, index))),
    labels: Uint8Array.of(0, 1, 2),
    count: 3,
  };
  const shape = { height: side, width: side, channels: 3 as const, labels };
  const { fit = 'stretch', background = { kind: 'keep' } } = preprocessing;
  const pictures = { ...shape, fit, background };
  const parts = { name: 'photos', train: set, test: set, files: {}, origin: '', source: '' };
  const bucket = openBucket({ url: 's3://catwalk', environment: env });
  await uploadTestSet(bucket, { ...pictures, ...parts });
  const files = modelFiles(artifacts);
  const logits = new Float32Array(3 * labels.length);
  const { version } = await publishVersion(bucket, {
    spec: { name, layers: [{ type: 'flatten' }], ...photos },
    files,
    evaluation: evaluationBytes({ logits, actual: set.labels }, files['weights.bin']),
    metrics: computeMetrics(logits, set.labels, labels),
    training: trainingOfTests,
    dataset: { name: 'photos', files: {} },
  });
  const by = 'the test';
  await moveAlias(bucket, { name, alias: 'production', version, action: 'publish', by });
}

describe.skipIf(!hasChromium)('the page of a network for photos', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'catwalk-photos-'));
    const variables = { MODEL_NAME: name, DATASET_NAME: 'photos' };
    worker = await startLocalWorker({ port: 0, persistTo: join(folder, 'state'), variables });
    await publish(worker.env);
    browser = await launch();
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    await worker?.stop();
    if (folder) await rm(folder, { recursive: true });
  });

  it.each([desktopLight, phoneDark])('shows them smoothly, at their size ($name)', async (look) => {
    const { page, errors, close } = await openPage(browser, look, `${worker.url}/#/try/1`);
    const images = { '#/try/1': '#image', '#/explore': '.tiles img', '#/compare': '.compared img' };
    for (const [view, selector] of Object.entries(images)) {
      await page.goto(`${worker.url}/${view}`);
      const image = page.locator(selector).first();
      await image.waitFor();
      const shown = () =>
        image.evaluate((element: HTMLImageElement) => ({
          size: element.naturalWidth,
          rendering: getComputedStyle(element).imageRendering,
        }));
      await eventually(shown).toEqual({ size: side, rendering: 'auto' });
      await checkAccessibility(page);
    }
    expect(errors).toEqual([]);
    await close();
  });

  it('runs them in the browser, and shows short programs', async () => {
    // Programs name the model that the page's address names.
    const url = `${worker.url}/?model=${name}#/try/1`;
    const { page, close } = await openPage(browser, desktopLight, url);
    await page.getByText('Also run in this browser').click();
    await eventually(() => page.locator('#local-time').innerText()).toMatch(/ms on wasm; the same/);
    await page.locator('#snippets summary').click();
    await page.locator('#languages').getByText('KServe', { exact: true }).click();
    const code = (await page.locator('#code').textContent()) ?? '';
    expect(code.length).toBeLessThan(1000);
    expect(code).toContain(`/images/1.png?model=${name}`);
    await close();
  });

  it('says why it can not be fine-tuned', async () => {
    const { page, close } = await openPage(browser, desktopLight, `${worker.url}/#/training`);
    await page.getByText(/can’t be fine-tuned here: .*layer 2, missing, is not dense/).waitFor();
    await close();
  });

  it.skipIf(!isPillowHere)('shows a program that sends its pixels to KServe', async () => {
    const url = `${worker.url}/?model=${name}#/try/1`;
    const { page, close } = await openPage(browser, desktopLight, url);
    await page.locator('#snippets summary').click();
    await page.locator('#languages').getByText('KServe', { exact: true }).click();
    const code = (await page.locator('#code').textContent()) ?? '';
    // KServe's client is not needed to see that it would send the right pixels.
    const reading = code.replace(/^(import asyncio|from kserve .*)$/gm, '').split('\nimage =')[0];
    const program = `${reading}\nprint(list(map(int, pixels[:6])), pixels.size)`;
    const { stdout } = await promisify(execFile)(python, ['-c', program]);
    const start = Array.from(photoPixels(side, 1).subarray(0, 6)).join(', ');
    expect(stdout.trim()).toBe(`[${start}] ${side * side * 3}`);
    await close();
  });
});
