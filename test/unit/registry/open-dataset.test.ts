import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadDataset } from '../../../trainer/data/load-dataset.ts';
import { type Bucket, openBucket } from '../../../trainer/registry/bucket.ts';
import { downloadFolder } from '../../../trainer/registry/download-folder.ts';
import { openDataset, pruneDatasets } from '../../../trainer/registry/open-dataset.ts';
import { writeShapes } from '../../support/datasets/write-shapes.ts';
import { bucketEnvironment, openLocalBucket } from '../../support/s3/local-bucket.ts';
import { type StandIn, startStandIn } from '../../support/s3/stand-in.ts';
import { binary, prefixOf, uploadFolder } from '../../support/s3/upload-folder.ts';

let root: string;
let shapes: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'catwalk-open-dataset-'));
  shapes = join(root, 'shapes');
  await writeShapes(shapes, { train: 4, test: 2 });
});
afterAll(() => rm(root, { recursive: true }));
beforeEach(() => {
  for (const [name, value] of Object.entries(bucketEnvironment)) vi.stubEnv(name, value);
});
afterEach(() => vi.unstubAllEnvs());

const newCache = () => mkdtemp(join(root, 'cache-'));

describe('a data set in a bucket', () => {
  it('is the same as its folder, and only changes are downloaded again', async () => {
    const bucket = openLocalBucket();
    const prefix = `${prefixOf(bucket)}my Shapes/`;
    const url = `${bucket.url}/my Shapes`;
    await uploadFolder(bucket, shapes, prefix);
    // As consoles create folders, and as file managers leave notes.
    await bucket.put(`${prefix}train/`, new Uint8Array(), binary);
    await bucket.put(`${prefix}train/.DS_Store`, Buffer.from('x'), binary);
    const cacheDir = await newCache();
    const messages: string[] = [];
    const open = () =>
      openDataset({ dataset: url, cacheDir, onProgress: (message) => messages.push(message) });

    const { train, test, labels, name, origin, source } = await open();
    const local = await loadDataset({ dataset: shapes });
    expect({ train, test, labels }).toEqual({
      train: local.train,
      test: local.test,
      labels: local.labels,
    });
    expect({ name, origin, source }).toEqual({ name: 'my-shapes', origin: url, source: url });
    expect(messages.join()).toContain('Downloading 18 of 18 files');

    messages.length = 0;
    await bucket.put(
      `${prefix}train/circle/0.png`,
      await readFile(`${shapes}/train/circle/1.png`),
      binary,
    );
    await bucket.deleteAll([0, 1, 2, 3].map((i) => `${prefix}train/square/${i}.png`));
    await bucket.deleteAll([0, 1].map((i) => `${prefix}test/square/${i}.png`));
    const changed = await open();
    expect(changed.labels).toEqual(['circle', 'triangle']);
    expect(changed.train.count).toBe(8);
    expect(messages.join()).toContain('Downloading 1 of 12 files');

    messages.length = 0;
    await open();
    expect(messages.join()).not.toContain('Downloading');
  });

  it('names the bucket, not the cache, in errors', async () => {
    const bucket = openLocalBucket();
    await bucket.put(`${prefixOf(bucket)}pets/cats/1.png`, Buffer.from('no image'), binary);
    await bucket.put(`${prefixOf(bucket)}pets/dogs/1.png`, Buffer.from('no image'), binary);
    const options = { cacheDir: await newCache() };
    const failure = (dataset: string) =>
      openDataset({ ...options, dataset }).then(String, (error: Error) => error.message);
    const unreadable = await failure(`${bucket.url}/pets`);
    expect(unreadable).toContain(`${bucket.url}/pets/cats/1.png`);
    expect(unreadable).not.toContain('cache-');
    expect(await failure(`${bucket.url}/nothing`)).toContain('has no files there');
    expect(await failure('s3://catwalk/../x')).toContain('write s3://bucket/prefix');
    expect(await failure('s3://')).toContain('write s3://bucket/prefix');
  });
});

describe('downloading a folder', () => {
  let server: StandIn;
  let bucket: Bucket;
  let broken: string | null;
  beforeEach(async () => {
    broken = null;
    server = await startStandIn('files', ({ key, ...request }, answer) =>
      key === broken ? { status: 403, body: 'denied' } : answer({ key, ...request }),
    );
    bucket = openBucket({ url: 's3://catwalk/data', environment: server.environment });
  });
  afterEach(() => server.stop());

  const limits = { maxFiles: 100, maxBytes: 1e6, onProgress() {} };
  const got = () => server.requests.filter(({ method, key }) => method === 'GET' && key !== '');

  async function target() {
    const folder = join(await newCache(), 'files');
    const scratch = `${folder}-incomplete`;
    return {
      folder,
      download: () => downloadFolder(bucket, 'data/', folder, { ...limits, scratch }),
    };
  }

  it('continues an interrupted download', async () => {
    for (let i = 0; i < 20; i++) await bucket.put(`data/a/${i}`, Buffer.from(`file ${i}`), binary);
    await bucket.put('data/b/last', Buffer.from('last'), binary);
    const { folder, download } = await target();
    broken = 'data/b/last';
    await expect(download()).rejects.toThrow(/denied|403/);
    const { length } = await readdir(join(folder, 'a'));
    expect(length).toBeGreaterThan(0);

    broken = null;
    server.requests.length = 0;
    const { downloaded } = await download();
    expect(downloaded).toBe(21 - length);
    expect(got()).toHaveLength(21 - length);
    expect(await readFile(join(folder, 'b/last'), 'utf8')).toBe('last');
  });

  it('replaces files that a crash has damaged, of the same size and time', async () => {
    await bucket.put('data/a', Buffer.from('content'), binary);
    const { folder, download } = await target();
    await download();
    const modifiedAt = server.objects.get('data/a')?.modifiedAt as Date;
    await writeFile(join(folder, 'a'), Buffer.alloc(7));
    await utimes(join(folder, 'a'), modifiedAt, modifiedAt);
    expect(await download()).toMatchObject({ downloaded: 1 });
    expect(await readFile(join(folder, 'a'), 'utf8')).toBe('content');
  });

  it('accepts ETags that are not the MD5, of encrypted objects and of those uploaded in parts', async () => {
    for (const [key, etag] of [
      ['encrypted', `"${'ab'.repeat(16)}"`],
      ['parts', `"${'ab'.repeat(16)}-2"`],
    ]) {
      const modifiedAt = new Date();
      server.objects.set(`data/${key}`, {
        bytes: Buffer.from('x'),
        etag: etag as string,
        modifiedAt,
      });
    }
    const { download } = await target();
    expect(await download()).toMatchObject({ downloaded: 2 });
    expect(await download()).toMatchObject({ files: 2, bytes: 2 });
  });

  it('refuses content that has another MD5 each time', async () => {
    const { folder, download } = await target();
    const etag = `"${'ab'.repeat(16)}"`;
    const object = {
      etag,
      modifiedAt: new Date(),
      get bytes() {
        return Buffer.from(String(Math.random()).slice(0, 9));
      },
    };
    server.objects.set('data/a', object);
    await expect(download()).rejects.toThrow('corrupt');
    expect(existsSync(join(folder, 'a'))).toBe(false);
  });

  it.each([
    [
      'too many',
      () => {
        for (let i = 0; i <= 100; i++) put(`data/${i}`);
      },
      'more than 100 objects',
    ],
    ['too many bytes', () => put('data/a', 1e6 + 1), 'the maximum is 1000000'],
    ['an empty name', () => put('data/a//b'), 'because of the characters in its key'],
    [
      'a name for another folder',
      () => put('data/a\\..\\b'),
      'because of the characters in its key',
    ],
  ])('refuses %s', async (_, prepare, message) => {
    prepare();
    const { download } = await target();
    await expect(download()).rejects.toThrow(message);
  });

  it('never writes outside of its folder', async () => {
    put('data/../../escaped');
    put('data/a');
    const { folder, download } = await target();
    expect(await download()).toMatchObject({ files: 1 });
    expect(await readdir(join(folder, '..'))).not.toContain('escaped');
  });

  function put(key: string, size = 1) {
    const etag = '"parts-2"';
    server.objects.set(key, { bytes: Buffer.alloc(size), etag, modifiedAt: new Date() });
  }
});

it('the cache keeps the data sets that were used last, and those in use', async () => {
  const buckets = join(await newCache(), 'buckets');
  const now = Date.now();
  const hour = 3_600_000;
  for (const [name, age] of [
    ['old', 9],
    ['older', 12],
    ['newer', 3],
    ['in-use', 0.1],
  ] as const) {
    await mkdir(join(buckets, name), { recursive: true });
    const record = join(buckets, name, 'dataset.json');
    await writeFile(record, JSON.stringify({ url: `s3://${name}`, files: 10, bytes: 100 }));
    const usedAt = new Date(now - age * hour);
    await utimes(record, usedAt, usedAt);
  }
  await pruneDatasets(buckets, { maxFiles: 1000, maxBytes: 400 }, now);
  expect(await readdir(buckets)).toHaveLength(4);
  await pruneDatasets(buckets, { maxFiles: 1000, maxBytes: 250 }, now);
  expect((await readdir(buckets)).toSorted()).toEqual(['in-use', 'newer']);
  await pruneDatasets(buckets, { maxFiles: 5, maxBytes: 250 }, now);
  expect(await readdir(buckets)).toEqual(['in-use']);
});
