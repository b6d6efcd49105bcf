import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { openTestSet } from '../../../edge/model/test-set.ts';
import { r2ObjectStore } from '../../../edge/store/r2-object-store.ts';
import {
  openBucket,
  type TestBucket,
  type TestSetOptions,
  testImage,
  testLabel,
} from '../../support/edge/bucket.ts';

function open(bucket: TestBucket) {
  let time = 0;
  const ranges: string[] = [];
  const store = r2ObjectStore(bucket.bucket);
  const testSet = openTestSet({
    store: {
      ...store,
      getRange: (key, offset, length) => {
        ranges.push(`${offset}+${length}`);
        return store.getRange(key, offset, length);
      },
    },
    layout: bucket.layout,
    name: 'fashion-mnist',
    pollMilliseconds: 2000,
    now: () => time,
  });
  /** Runs like a request, and waits for its background work. */
  async function inRequest<Result>(run: (context: ExecutionContext) => Promise<Result>) {
    const context = createExecutionContext();
    try {
      return await run(context);
    } finally {
      await waitOnExecutionContext(context);
    }
  }
  return {
    ranges,
    image: (index: number) => inRequest((context) => testSet.image(index, context)),
    info: () => inRequest((context) => testSet.info(context)),
    passTime: (milliseconds: number) => {
      time += milliseconds;
    },
  };
}

async function uploaded(count = 100, options: TestSetOptions = {}) {
  const bucket = openBucket();
  const keys = await bucket.uploadTestSet(count, options);
  return { ...bucket, keys };
}

/** A test set that a newer or an older trainer has uploaded. */
const layouts = [
  {
    layout: 'in a folder of its own',
    old: false,
    ranges: ['16+31360', '31376+31360', '62736+15680'],
  },
  { layout: 'beside dataset.json', old: true, ranges: ['0+78416'] },
];

describe.each(layouts)('a test set $layout', ({ old, ranges }) => {
  it('is read in chunks, each chunk once', async () => {
    const testSet = open(await uploaded(100, { old }));
    for (let index = 0; index < 100; index++) {
      const image = await testSet.image(index);
      expect(image?.pixels).toEqual(testImage(index));
      expect(image?.label.id).toBe(testLabel(index));
    }
    expect(testSet.ranges).toEqual(ranges);
  });

  it('ends with its last image', async () => {
    const testSet = open(await uploaded(30, { old }));
    expect((await testSet.image(29))?.pixels).toEqual(testImage(29));
    expect(await testSet.image(30)).toBeNull();
  });

  it('is replaced by the next one', async () => {
    const bucket = await uploaded(100, { old });
    const testSet = open(bucket);
    await testSet.image(0);
    await bucket.uploadTestSet(40, { old });
    testSet.passTime(1999);
    expect((await testSet.info()).images).toBe(100);
    testSet.passTime(1);
    await testSet.info();
    expect((await testSet.info()).images).toBe(40);
    expect((await testSet.image(39))?.pixels).toEqual(testImage(39));
    expect(await testSet.image(40)).toBeNull();
  });

  it.each([
    ['dataset.json', 'no JSON', 'dataset.json'],
    ['dataset.json', '{}', 'dataset.json'],
    ['test-labels.idx', 'no labels', 'test-labels.idx'],
    ['test-labels.idx', null, 'test-labels.idx'],
    ['test-images.idx', null, 'test-images.idx'],
    ['test-images.idx', 'x'.repeat(500), 'test-images.idx'],
    ['test-images.idx', 'x'.repeat(16 + 78_400), 'test-images.idx'],
  ] as const)('is refused if %s is corrupt: %j', async (name, content, detail) => {
    const bucket = await uploaded(100, { old });
    if (content === null) await bucket.bucket.delete(bucket.keys[name]);
    else await bucket.bucket.put(bucket.keys[name], content);
    await expect(open(bucket).image(0)).rejects.toMatchObject({
      code: 'bad_dataset',
      message: expect.stringContaining(detail),
    });
  });

  it('is refused if it has labels without a name', async () => {
    const changes = { labels: ['only', 'three', 'labels'], files: [] };
    await expect(open(await uploaded(100, { old, changes })).image(0)).rejects.toMatchObject({
      code: 'bad_dataset',
    });
  });

  it('is still served if the next one is corrupt', async () => {
    const bucket = await uploaded(100, { old });
    const testSet = open(bucket);
    await testSet.image(0);
    await bucket.bucket.put(bucket.keys['dataset.json'], 'no JSON');
    testSet.passTime(2000);
    await testSet.info();
    expect((await testSet.image(0))?.pixels).toEqual(testImage(0));
  });
});

describe('a test set that is being replaced', () => {
  it.each([
    { from: 'the old layout', old: true },
    { from: 'a folder of its own', old: false },
  ])('never gives an image of one with a label of the other, from $from', async ({ old }) => {
    const bucket = await uploaded(100, { old });
    const described = await (await bucket.bucket.get(bucket.keys['dataset.json']))?.text();
    const shifted = await bucket.uploadTestSet(100, { old, shift: 50 });
    const images = await (await bucket.bucket.get(shifted['test-images.idx']))?.arrayBuffer();
    await bucket.uploadTestSet(100, { old });
    const warm = open(bucket);
    await warm.image(0);
    // The next upload has written its images, but neither its labels nor its description.
    await bucket.bucket.put(bucket.keys['test-images.idx'], images ?? '');
    await bucket.bucket.put(bucket.keys['dataset.json'], described ?? '');
    await expect(open(bucket).image(0)).rejects.toMatchObject({ code: 'bad_dataset' });
    for (const index of [0, 45, 99]) {
      const image = await warm.image(index).catch(() => null);
      if (image) expect(image.pixels).toEqual(testImage(index));
    }
  });

  it('answers from the old folder until the new one is described', async () => {
    const bucket = await uploaded(100);
    const old = await (await bucket.bucket.get(bucket.keys['dataset.json']))?.text();
    await bucket.uploadTestSet(100, { shift: 50 });
    await bucket.bucket.put(bucket.keys['dataset.json'], old ?? '');
    const testSet = open(bucket);
    for (const index of [0, 45, 99]) {
      const image = await testSet.image(index);
      expect(image?.pixels).toEqual(testImage(index));
      expect(image?.label.id).toBe(testLabel(index));
    }
  });
});

it.each([
  ['more chunks than its images need', { chunks: { images: 10, sha256: ['0'.repeat(64)] } }],
  ['chunks that are too large', { chunks: { images: 1e6, sha256: ['0'.repeat(64)] } }],
])('refuses a description with %s', async (_, changes) => {
  await expect(open(await uploaded(100, { changes })).image(0)).rejects.toMatchObject({
    code: 'bad_dataset',
    message: expect.stringContaining('chunks'),
  });
});

it('reports that the test set is missing, and finds it once it exists', async () => {
  const bucket = openBucket();
  const testSet = open(bucket);
  await expect(testSet.image(0)).rejects.toMatchObject({ code: 'no_dataset' });
  await bucket.uploadTestSet();
  expect((await testSet.image(0))?.label.label).toBe('Ankle boot');
});
