/** Files as cameras and programs write them, sent to a Worker with a model that was trained for one epoch. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type LocalWorker, startLocalWorker } from '../../infra/local/worker.ts';

const run = promisify(execFile);
const cli = join(import.meta.dirname, '../../trainer/cli.ts');
const fixtures = join(import.meta.dirname, '../fixtures/image-cases');
let folder: string;
let worker: LocalWorker;

describe.runIf(inject('whole'))('a model of Fashion-MNIST', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'catwalk-cases-'));
    worker = await startLocalWorker({ port: 0, persistTo: join(folder, 'state') });
    const size = ['--epochs', '1', '--seed', '1'];
    const output = ['--runs', join(folder, 'runs'), '--publish', 's3://catwalk'];
    await run(process.execPath, [cli, 'train', '--backend', 'wasm', ...size, ...output], {
      env: { ...process.env, ...worker.env },
      maxBuffer: 2 ** 26,
    });
  }, 300_000);
  afterAll(async () => {
    await worker?.stop();
    await rm(folder, { recursive: true });
  });

  it.each([
    ['28x28-grey-dark-on-white.png', 'Ankle boot'],
    ['bmp-offbits-zero.bmp', 'Ankle boot'],
    ['gif-logical-screen-0.gif', 'Ankle boot'],
    ['jpeg-70-ffda-after-eoi-as-in-a-motion-photo.jpg', 'Ankle boot'],
    ['jpeg-exif-orientation-type-long.jpg', 'Ankle boot'],
    ['jpeg-grey-baseline-restart-4-blocks.jpg', 'Ankle boot'],
    ['jpeg-missing-eoi.jpg', 'Ankle boot'],
    ['jpeg-rgb-component-ids-no-adobe-marker.jpg', 'Ankle boot'],
    ['phone-12mp-exif6.jpg', 'Ankle boot'],
    ['photo-boot.jpg', 'Ankle boot'],
    ['photo-dress.jpg', 'Dress'],
    ['png-no-iend.png', 'Ankle boot'],
    ['png-wrong-crc-in-text-chunk.png', 'Ankle boot'],
  ])('answers %s with %s', async (name, label) => {
    const body = await readFile(join(fixtures, name));
    const response = await fetch(`${worker.url}/predict`, { method: 'POST', body });
    expect(await response.json()).toMatchObject({ predicted: { label } });
  });
});
