import * as fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import packed from '../../fixtures/build/image-corpus.bin';
import { damage, damages } from '../../support/corpus/mutate.ts';
import { unpackCorpus } from '../../support/corpus/pack-corpus.ts';
import { openBucket, testImage } from '../../support/edge/bucket.ts';
import { type Answer, openApp, type TestApp } from '../../support/edge/open-app.ts';

// A fixed sample of `npm run test:fuzz`.
const runs = 400;
const seed = 20261124;

const corpus = unpackCorpus(packed);
/** fast-check prints generated values: the number of a file, not the file. */
const bytesOf = (number: number) => corpus[number]?.bytes ?? new Uint8Array(0);
let app: TestApp;
let good: Answer;

beforeAll(async () => {
  const bucket = openBucket();
  await bucket.moveAlias(await bucket.publish('one'));
  app = openApp(bucket);
  good = await (await app.post(testImage(0))).json();
});

it('answers any corrupt image with a prediction or a problem, and the next valid one correctly', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(corpus.length - 1), damages, async (number, change) => {
      const response = await app.post(damage(bytesOf(number), change));
      const answer = await response.json();
      if (response.status === 200) expect(answer).toHaveProperty('predicted');
      else {
        expect([400, 413, 415, 422]).toContain(response.status);
        expect(answer).toMatchObject({ status: response.status, code: expect.any(String) });
      }
      expect(await (await app.post(testImage(0))).json()).toEqual(good);
    }),
    { numRuns: runs, seed, endOnFailure: true, includeErrorInReport: true },
  );
});
