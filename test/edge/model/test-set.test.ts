import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { openTestSet } from '../../../edge/model/test-set.ts';
import { r2ObjectStore } from '../../../edge/store/r2-object-store.ts';
import { openBucket, type TestBucket, testImage, testLabel } from '../../support/edge/bucket.ts';

const file = (bucket: TestBucket, name: Parameters<TestBucket['layout']['datasetFile']>[1]) =>
  bucket.layout.datasetFile('fashion-mnist', name);

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

async function uploaded(count = 100) {
  const bucket = openBucket();
  await bucket.uploadTestSet(count);
  return bucket;
}

describe('openTestSet', () => {
  it('reads images and labels in chunks, each chunk once', async () => {
    const testSet = open(await uploaded());
    for (let index = 0; index < 100; index++) {
      const image = await testSet.image(index);
      expect(image?.pixels).toEqual(testImage(index));
      expect(image?.label.id).toBe(testLabel(index));
    }
    expect(testSet.ranges).toEqual(['16+78400']);
  });

  it('reads no further than the last image', async () => {
    const testSet = open(await uploaded(30));
    expect((await testSet.image(29))?.pixels).toEqual(testImage(29));
    expect(testSet.ranges).toEqual(['16+23520']);
    expect(await testSet.image(30)).toBeNull();
  });

  it('detects a replaced data set', async () => {
    const bucket = await uploaded(100);
    const testSet = open(bucket);
    await testSet.image(0);
    await bucket.uploadTestSet(40);
    testSet.passTime(1999);
    expect((await testSet.info()).images).toBe(100);
    testSet.passTime(1);
    await testSet.info();
    expect((await testSet.info()).images).toBe(40);
    expect((await testSet.image(39))?.pixels).toEqual(testImage(39));
    expect(await testSet.image(40)).toBeNull();
  });

  it('reports that it is missing, and finds it once it exists', async () => {
    const bucket = openBucket();
    const testSet = open(bucket);
    await expect(testSet.image(0)).rejects.toMatchObject({ code: 'no_dataset' });
    await bucket.uploadTestSet();
    expect((await testSet.image(0))?.label.label).toBe('Ankle boot');
  });

  it.each([
    ['dataset.json', 'no JSON', 'dataset.json'],
    ['dataset.json', '{}', 'dataset.json'],
    ['test-labels.idx', 'no labels', 'test-labels.idx'],
    ['test-labels.idx', null, 'test-labels.idx'],
    ['test-images.idx', null, 'test-images.idx'],
    ['test-images.idx', 'x'.repeat(500), 'test-images.idx'],
  ] as const)('refuses a corrupt %s', async (name, content, detail) => {
    const bucket = await uploaded();
    if (content === null) await bucket.bucket.delete(file(bucket, name));
    else await bucket.bucket.put(file(bucket, name), content);
    await expect(open(bucket).image(0)).rejects.toMatchObject({
      code: 'bad_dataset',
      message: expect.stringContaining(detail),
    });
  });

  it('refuses labels that the data set does not have', async () => {
    const bucket = await uploaded();
    const object = await bucket.bucket.get(file(bucket, 'dataset.json'));
    const info = await object?.json<object>();
    const wrong = { ...info, labels: ['only', 'three', 'labels'], files: [] };
    await bucket.bucket.put(file(bucket, 'dataset.json'), JSON.stringify(wrong));
    await expect(open(bucket).image(0)).rejects.toMatchObject({ code: 'bad_dataset' });
  });
});
