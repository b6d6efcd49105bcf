import { decode } from 'fast-png';
import { beforeAll, describe, expect, it } from 'vitest';
import packed from '../../fixtures/build/image-corpus.bin';
import { keepsEveryPixel } from '../../support/corpus/corpus-file.ts';
import { unpackCorpus } from '../../support/corpus/pack-corpus.ts';
import { openBucket, testImage } from '../../support/edge/bucket.ts';
import { type Answer, openApp, type TestApp } from '../../support/edge/open-app.ts';

const corpus = unpackCorpus(packed);
const kinds = [...new Set(corpus.map(({ kind }) => kind))];
const raw = new Map<number, Answer>();
let app: TestApp;

beforeAll(async () => {
  const bucket = openBucket();
  await bucket.moveAlias(await bucket.publish('one'));
  app = openApp(bucket);
  for (const { index } of corpus) {
    if (!raw.has(index)) raw.set(index, await predict(testImage(index)));
  }
});

async function predict(bytes: Uint8Array<ArrayBuffer>, query = ''): Promise<Answer> {
  const response = await app.post(bytes, 'application/octet-stream', query);
  const answer = await response.json();
  expect({ status: response.status, answer }).toMatchObject({ status: 200 });
  return answer;
}

/** The pixels that the network saw, taken from the answer. */
function pixelsOf(input: string): Uint8Array {
  const png = Uint8Array.from(atob(input.split(',')[1] ?? ''), (byte) => byte.charCodeAt(0));
  return Uint8Array.from(decode(png).data);
}

/** Smooth enlargement and lossy formats change pixels: by 13 of 255 at most, for CMYK with a colour profile. */
const largestMeanError = 16;

describe('a real image file, enlarged 1 to 12 times', () => {
  it.each(kinds.filter(keepsEveryPixel))('decodes to its raw pixels: %s', async (kind) => {
    const files = corpus.filter((file) => file.kind === kind);
    expect(files.length).toBeGreaterThan(0);
    for (const { index, bytes } of files) {
      const { input, crop: _, ...answer } = await predict(bytes, '?echo=true');
      expect(pixelsOf(input)).toEqual(testImage(index));
      expect(answer).toEqual(raw.get(index));
    }
  });

  it.each(kinds.filter((kind) => !keepsEveryPixel(kind)))(
    'decodes nearly to its raw pixels: %s',
    async (kind) => {
      for (const { index, bytes } of corpus.filter((file) => file.kind === kind)) {
        const seen = pixelsOf((await predict(bytes, '?echo=true')).input);
        const errors = testImage(index).map((pixel, i) => Math.abs(pixel - (seen[i] ?? 0)));
        const meanError = errors.reduce((sum, error) => sum + error, 0) / errors.length;
        expect(meanError).toBeLessThan(largestMeanError);
      }
    },
  );

  it('gets the label of its raw pixels in at least 97 of 100 cases', async () => {
    let same = 0;
    for (const { index, bytes } of corpus) {
      const { predicted } = await predict(bytes);
      if (predicted.id === raw.get(index).predicted.id) same += 1;
    }
    expect(same / corpus.length).toBeGreaterThanOrEqual(0.97);
  });
});
