import { decode, encode } from 'fast-png';
import { expect, it } from 'vitest';
import { imageDecoders } from '../../../edge/input/image-decoders.ts';
import { readImage } from '../../../shared/image/model-input.ts';
import { type Background, fashionMnistCnn } from '../../../shared/model/model-spec.ts';
import { openBucket, testImage } from '../../support/edge/bucket.ts';
import { openApp } from '../../support/edge/open-app.ts';
import { photoOf } from '../../support/photo.ts';

const photo = photoOf(testImage(0), 130, 80, [0, 25, 60]);
const file = encode({ ...photo, channels: 4, depth: 8 });
const inputOf = async (background: Background) =>
  (await readImage(file, { height: 28, width: 28, background, ...imageDecoders })).pixels;

/** Publishes a version and returns what its network sees of the photo. */
async function pixelsSeen(background: Background | undefined): Promise<Uint8Array> {
  const bucket = openBucket();
  const preprocessing = { ...fashionMnistCnn.preprocessing, background };
  const version = await bucket.publish('one', {
    manifest: (manifest) => ({ ...manifest, model: { ...manifest.model, preprocessing } }),
  });
  await bucket.moveAlias(version);
  const response = await openApp(bucket).post(file, 'image/png', '?echo=true');
  const answer = (await response.json()) as { input: string };
  const png = Uint8Array.from(atob(answer.input.split(',')[1] ?? ''), (at) => at.charCodeAt(0));
  return Uint8Array.from(decode(png).data);
}

it.each<[string, Background | undefined, Background]>([
  ['isolates, as before, if it does not name a background', undefined, { kind: 'isolate' }],
  ['isolates', { kind: 'isolate' }, { kind: 'isolate' }],
  ['isolates and shifts the mean', { kind: 'isolate', mean: 130 }, { kind: 'isolate', mean: 130 }],
  ['only inverts', { kind: 'invert' }, { kind: 'invert' }],
])('the Worker obeys a manifest that %s', async (_, background, expected) => {
  const seen = await pixelsSeen(background);
  expect(seen).toEqual(await inputOf(expected));
});

it('no two of these backgrounds show the network the same pixels', async () => {
  const seen = [{ kind: 'isolate' }, { kind: 'isolate', mean: 130 }, { kind: 'invert' }] as const;
  const inputs = await Promise.all(seen.map(inputOf));
  expect(new Set(inputs.map(String)).size).toBe(3);
});
