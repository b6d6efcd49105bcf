import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DatasetUnavailableError } from '../../../trainer/data/dataset.ts';
import { knownDatasets } from '../../../trainer/data/known-datasets.ts';
import { loadDataset } from '../../../trainer/data/load-dataset.ts';
import { mirrorSource } from '../../../trainer/data/mirror-source.ts';
import {
  compressedFiles,
  type Mirror,
  startFileMirror,
  startMirror,
} from '../../support/datasets/fashion-mnist-mirror.ts';
import { sample } from '../../support/vitest/sample.ts';

const trainLabels = 'train-labels-idx1-ubyte';
const { sha256 } = knownDatasets['fashion-mnist'].files.trainLabels;

let files: Map<string, Buffer>;
let folder: string;
let cacheDir: string;
let cached: string;
const mirrors: Mirror[] = [];

beforeAll(async () => {
  files = compressedFiles(await loadDataset());
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-dataset-'));
  cacheDir = join(folder, 'cache');
  cached = join(cacheDir, 'fashion-mnist');
});

afterEach(async () => {
  await Promise.all(mirrors.splice(0).map((mirror) => mirror.close()));
  await rm(folder, { recursive: true, force: true });
});

async function opened(mirror: Promise<Mirror>): Promise<Mirror> {
  mirrors.push(await mirror);
  return mirror;
}

async function fill(target: string) {
  await mkdir(target, { recursive: true });
  for (const [name, bytes] of files) await writeFile(join(target, name), bytes);
}

async function failureOf(loading: Promise<unknown>): Promise<DatasetUnavailableError> {
  const error = await loading.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DatasetUnavailableError);
  return error as DatasetUnavailableError;
}

const entries = (path: string) => readdir(path).catch(() => []);

describe('a mirror and the cache', () => {
  test('downloads once, then loads from the cache', async () => {
    const mirror = await opened(startFileMirror(files));
    const fetched = await loadDataset({ cacheDir, sources: [mirrorSource(mirror.url)] });
    expect(fetched.source).toBe(mirror.url);
    expect(fetched.train.count).toBe(60_000);
    expect(fetched.test.count).toBe(10_000);
    expect([...fetched.test.labels.subarray(0, 5)]).toEqual([9, 2, 1, 1, 6]);
    expect(fetched.files[trainLabels]).toBe(sha256);
    expect((await readdir(cached)).sort()).toEqual([...files.keys()].sort());

    const again = await loadDataset({ cacheDir, sources: [mirrorSource(mirror.url)] });
    expect(again.source).toBe(`cache ${cached}`);
    expect(mirror.requests).toHaveLength(4);
  });

  test.each([
    ['cut short', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
    ['of other bytes', () => Buffer.from('not what it was')],
    ['empty', () => Buffer.alloc(0)],
    ['flipped in one bit', (bytes: Buffer) => flipBit(bytes)],
  ])('downloads a cached file that is %s again, and reports it', async (_, damage) => {
    await fill(cached);
    const path = join(cached, `${trainLabels}.gz`);
    await writeFile(path, damage(files.get(`${trainLabels}.gz`) as Buffer));
    const mirror = await opened(startFileMirror(files));
    const messages: string[] = [];
    const dataset = await loadDataset({
      cacheDir,
      sources: [mirrorSource(mirror.url)],
      onProgress: (message) => messages.push(message),
    });
    expect(dataset.train.labels).toHaveLength(60_000);
    expect(mirror.requests).toEqual([`${trainLabels}.gz`]);
    expect(messages.join('\n')).toContain(`${path} is corrupt`);
    expect(await readFile(path)).toEqual(files.get(`${trainLabels}.gz`));
  });

  test('keeps no partial file when interrupted', async () => {
    const stop = new AbortController();
    const mirror = await opened(
      startMirror((request, response) => {
        const bytes = files.get((request.url ?? '').slice(1)) as Buffer;
        if (!request.url?.includes('t10k-images')) return response.end(bytes);
        response.write(bytes.subarray(0, 100_000), () => stop.abort());
      }),
    );
    const loading = loadDataset({
      cacheDir,
      sources: [mirrorSource(mirror.url)],
      signal: stop.signal,
    });
    await expect(loading).rejects.toMatchObject({ name: 'AbortError' });
    expect((await readdir(cached)).sort()).toEqual([
      'train-images-idx3-ubyte.gz',
      `${trainLabels}.gz`,
    ]);
  });

  test('loads even if the cache cannot be written', async () => {
    await mkdir(cacheDir, { recursive: true });
    await writeFile(cached, 'a file in place of the folder');
    const mirror = await opened(startFileMirror(files));
    const messages: string[] = [];
    const dataset = await loadDataset({
      cacheDir,
      sources: [mirrorSource(mirror.url)],
      onProgress: (message) => messages.push(message),
    });
    expect(dataset.train.count).toBe(60_000);
    expect(messages.join('\n')).toContain('could not be cached');
  });
});

describe('a failing mirror', () => {
  const failing: [string, Parameters<typeof startMirror>[0], RegExp][] = [
    ['has no file', (_, response) => response.writeHead(404).end(), /HTTP 404/],
    [
      'has other bytes',
      (_, response) => response.end('<html>'),
      /is corrupt: expected SHA-256 .*but it has/,
    ],
    ['sends without end', (_, response) => sendForEver(response), /longer than 47040016 bytes/],
    [
      'breaks off',
      (_, response) => {
        response.writeHead(200, { 'content-length': 5_000 });
        response.write('x', () => response.destroy());
      },
      /terminated|aborted/,
    ],
    ['never answers', () => {}, /the server sent nothing for 0.05 seconds/],
    [
      'stops sending',
      (_, response) => void response.write('x'),
      /the server sent nothing for 0.05 seconds/,
    ],
  ];

  test.each(sample(failing, 3))(
    'that %s is reported with the cause, and the next mirror serves',
    async (_, listener, cause) => {
      const bad = await opened(startMirror(listener));
      const good = await opened(startFileMirror(files));
      // Short only for the tests of a silent mirror, because a busy machine can be silent, too.
      const isSilent = cause.source.startsWith('the server sent nothing');
      const badSource = mirrorSource(bad.url, isSilent ? { silenceMs: 50 } : {});

      const error = await failureOf(loadDataset({ cacheDir, sources: [badSource] }));
      expect(error.message).toMatch(cause);
      expect(error.message).toContain(bad.url);
      expect(error.message).toContain('--data-dir');
      expect(await entries(cached)).toEqual([]);

      const sources = [badSource, mirrorSource(good.url)];
      expect((await loadDataset({ cacheDir, sources })).source).toBe(good.url);
    },
  );

  test('at which nothing listens is reported with the cause', async () => {
    const mirror = await startFileMirror(files);
    await mirror.close();
    const error = await failureOf(loadDataset({ cacheDir, sources: [mirrorSource(mirror.url)] }));
    expect(error.message).toContain('ECONNREFUSED');
  });

  test('is not used offline', async () => {
    const mirror = await opened(startFileMirror(files));
    const sources = [mirrorSource(mirror.url)];
    const error = await failureOf(loadDataset({ cacheDir, sources, offline: true }));
    expect(error.message).toContain('remove --offline');
    expect(mirror.requests).toEqual([]);
  });
});

describe('--data-dir', () => {
  test('accepts compressed and uncompressed files', async () => {
    await fill(folder);
    const bytes = files.get(`${trainLabels}.gz`) as Buffer;
    await rm(join(folder, `${trainLabels}.gz`));
    await writeFile(join(folder, trainLabels), gunzipSync(bytes));
    const dataset = await loadDataset({ dataDir: folder, cacheDir });
    expect(dataset.source).toBe(folder);
    expect(dataset.train.labels[0]).toBe(9);
    expect(await entries(cached)).toEqual([]);
  });

  test('reports a corrupt file with both hashes and the next step', async () => {
    await fill(folder);
    const path = join(folder, `${trainLabels}.gz`);
    await writeFile(path, files.get('t10k-labels-idx1-ubyte.gz') as Buffer);
    const mirror = await opened(startFileMirror(files));
    const sources = [mirrorSource(mirror.url)];
    const error = await failureOf(loadDataset({ dataDir: folder, cacheDir, sources }));
    const actual = knownDatasets['fashion-mnist'].files.testLabels.sha256;
    for (const part of [`${path} is corrupt`, sha256, actual, 'remove --data-dir']) {
      expect(error.message).toContain(part);
    }
    expect(mirror.requests).toEqual([]);
  });

  test('names the first missing file', async () => {
    const error = await failureOf(loadDataset({ dataDir: folder }));
    expect(error.message).toContain(`${folder} contains neither train-images-idx3-ubyte.gz`);
  });
});

function flipBit(bytes: Buffer): Buffer {
  const damaged = Buffer.from(bytes);
  damaged[damaged.length >> 1] = (damaged[damaged.length >> 1] as number) ^ 1;
  return damaged;
}

function sendForEver(response: Parameters<Parameters<typeof startMirror>[0]>[1]) {
  const block = Buffer.alloc(1 << 20);
  const send = () => {
    if (!response.destroyed) response.write(block, send);
  };
  send();
}
