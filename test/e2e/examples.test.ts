/** Runs everything in examples/, with the commands that their READMEs name, against a real Worker. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalWorker, startLocalWorker } from '../../infra/local/worker.ts';
import { explainSkip, hasChromium } from '../support/browser/chromium.ts';
import { launch } from '../support/browser/open-browser.ts';
import { drawShape, writeShapes } from '../support/datasets/write-shapes.ts';
import { publishModels } from '../support/models/publish-models.ts';

const repository = join(import.meta.dirname, '../..');
const examples = join(repository, 'examples');
const names = (await readdir(examples, { withFileTypes: true }))
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);
let folder: string;
let worker: LocalWorker;
let version: string | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-examples-'));
  const variables = { CORS_ORIGINS: '*' };
  worker = await startLocalWorker({ port: 0, persistTo: join(folder, 'state'), variables });
  [version] = (await publishModels(worker.env, [1])).versions;
  await writeShapes(join(folder, 'photos'), { train: 20, test: 4 });
  await writeFile(join(folder, 'new-picture.png'), drawShape('circle', 'never seen'));
});
afterAll(async () => {
  await worker?.stop();
  await rm(folder, { recursive: true });
});

/** Runs a program in the temporary folder and returns its output. */
async function run(program: string, ...parameters: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, parameters, {
    cwd: folder,
    env: {
      ...process.env,
      ...worker.env,
      CATWALK_URL: worker.url,
      EPOCHS: '3',
      PATH: [folder, process.env.PATH].join(delimiter),
    },
  });
  return stdout;
}

const answers = /^Test image 0: predicted .+, actual Ankle boot\nUploaded: (.+), [\d.]+ %\n$/;

it('predicts a picture after training on a folder', async () => {
  // As npx finds it in a clone, from any folder.
  const command = `#!/bin/sh\nshift\nexec "${process.execPath}" "${repository}/trainer/catwalk.mjs" "$@"\n`;
  await writeFile(join(folder, 'npx'), command, { mode: 0o755 });
  const output = await run('sh', join(examples, 'own-photos/run.sh'), 'photos', 'new-picture.png');
  expect(output).toMatch(/Data set photos: 60 training and 12 test images/);
  expect(output).toMatch(/new-picture\.png: Predicted: (circle|square|triangle)\n/);
});

describe('call-the-worker', () => {
  it('calls it from TypeScript and from Python, with the same result', async () => {
    const typescript = await run(process.execPath, join(examples, 'call-the-worker/call.ts'));
    expect(typescript).toMatch(answers);
    expect(await run('python3', join(examples, 'call-the-worker/call.py'))).toBe(typescript);
  });

  it('calls it with curl', async () => {
    const output = await run('sh', join(examples, 'call-the-worker/call.sh'));
    const [byIndex, uploaded] = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(byIndex).toMatchObject({ index: 0, model: { version } });
    expect(uploaded).toMatchObject({ predicted: byIndex.predicted });
  });
});

it('trains, evaluates and publishes from a program', async () => {
  process.env.CATWALK_BUCKET = 's3://catwalk/library';
  const program = join(examples, 'trainer-as-a-library/train.ts');
  const output = await run(process.execPath, program, 'photos').finally(() => {
    delete process.env.CATWALK_BUCKET;
  });
  expect(output).toMatch(
    /^60 training and 12 test images of 3 labels\nepoch 1: [\d.]+ %\nepoch 2: [\d.]+ %\nWorst recall: \w+, [\d.]+\nRun: runs\/.+\nPublished .+; the alias was moved\n$/,
  );
});

it("answers below /vision of an app with routes of its own, as Catwalk's Worker does", async () => {
  // Wrangler writes beside its configuration, so that the state of a clone stays as it is.
  const config = join(examples, 'mount-in-your-app/wrangler.jsonc');
  const app = await startLocalWorker({ port: 0, persistTo: join(folder, 'app'), config });
  try {
    const get = async (path: string) => fetch(`${app.url}${path}`);
    expect(await (await get('/hello')).text()).toBe('Hello\n');
    const before = await get('/vision/predict?index=0');
    expect([before.status, await before.json()]).toMatchObject([503, { code: 'no_model' }]);
    await publishModels(app.env, [1]);
    const answer = async (url: string, init?: RequestInit) => {
      const { model: _, ...rest } = await (await fetch(url, init)).json();
      return rest;
    };
    const post = { method: 'POST', body: drawShape('circle', 'never seen') as BodyInit };
    await expect.poll(() => get('/vision/readyz').then(({ status }) => status)).toBe(200);
    for (const [path, init] of [['/predict?index=3'], ['/predict', post]] as const) {
      expect(await answer(`${app.url}/vision${path}`, init)).toEqual(
        await answer(`${worker.url}${path}`, init),
      );
    }
    const protocol = await get('/vision/v1/models/fashion-mnist-cnn');
    expect([protocol.status, await protocol.json()]).toMatchObject([
      200,
      { model_version_status: [{ state: 'AVAILABLE' }] },
    ]);
    expect((await get('/vision/nothing')).status).toBe(404);
  } finally {
    await app.stop();
  }
});

describe('load-in-the-browser-and-node', () => {
  const example = join(examples, 'load-in-the-browser-and-node');

  it('predicts in Node', async () => {
    expect(await run(process.execPath, join(example, 'node.ts'))).toMatch(/^.+, [\d.]+ %\n$/);
  });

  explainSkip();
  it.skipIf(!hasChromium)('predicts in a browser what the Worker predicts', async () => {
    const server = spawn(process.execPath, [join(example, 'serve.ts')], {
      env: { ...process.env, PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const browser = await launch();
    try {
      const [address] = await once(createInterface(server.stdout), 'line');
      const page = await browser.newPage();
      const errors: string[] = [];
      page.on('pageerror', (error) => errors.push(String(error)));
      await page.goto(`${address}/?worker=${worker.url}`);
      await expect
        .poll(async () => [await page.locator('p').textContent(), ...errors], { timeout: 120_000 })
        .toEqual([expect.stringContaining(', by ')]);
      const { predicted } = (await (await fetch(`${worker.url}/predict?index=0`)).json()) as {
        predicted: { label: string; probability: number };
      };
      const percent = (100 * predicted.probability).toFixed(2);
      expect(await page.locator('p').textContent()).toBe(
        `${predicted.label}, ${percent} %, by ${version}`,
      );
    } finally {
      await browser.close();
      server.kill();
    }
  });
});

it('has a README and under 60 lines of code in each file', async () => {
  expect(names.length).toBeGreaterThan(4);
  for (const name of names) {
    const entries = await readdir(join(examples, name), { withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
    expect(files).toContain('README.md');
    for (const file of files) {
      const text = await readFile(join(examples, name, file), 'utf8');
      expect(text.split('\n').length, `${name}/${file}`).toBeLessThan(60);
    }
    const index = await readFile(join(examples, 'README.md'), 'utf8');
    expect(index).toContain(`(${name})`);
  }
});
