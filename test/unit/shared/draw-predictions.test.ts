import fc from 'fast-check';
import { decode } from 'fast-png';
import { expect, it } from 'vitest';
import { drawPredictions } from '../../../shared/picture/draw-predictions.ts';
import { pngUrl, toPng } from '../../../shared/picture/png.ts';
import { renderPng } from '../../../trainer/run/render-png.ts';
import { firstTestImages } from '../../support/datasets/test-images.ts';

const { images } = await firstTestImages();
const boot = { pixels: images.subarray(0, 784), width: 28, height: 28 };

/** The colours of a rendered picture's pixels in a rectangle. */
async function colours(svg: string, [x, y, width, height]: [number, number, number, number]) {
  const picture = decode(await renderPng(svg));
  const { data, channels } = picture;
  const found = new Set<string>();
  for (let row = y; row < y + height; row++) {
    for (let column = x; column < x + width; column++) {
      const at = (row * picture.width + column) * channels;
      found.add([...data.subarray(at, at + 3)].join());
    }
  }
  return found;
}

const title: [number, number, number, number] = [0, 20, 312, 20];

it('writes the predicted and actual labels as text that any machine can draw', async () => {
  const svg = drawPredictions([{ ...boot, predicted: 'Sandal', actual: 'Ankle boot' }]);
  expect(svg).toContain('>Predicted: Sandal, Actual: Ankle boot<');
  expect((await colours(svg, title)).size).toBeGreaterThan(10);
  expect(await colours(svg, [0, 0, 312, 8])).toEqual(new Set(['255,255,255']));
});

it('draws each pixel as a square, without interpolation', async () => {
  const svg = drawPredictions([{ ...boot, predicted: 'Ankle boot' }]);
  const greys = new Set(Array.from(boot.pixels, (grey) => [grey, grey, grey].join()));
  expect(await colours(svg, [16, 44, 280, 280])).toEqual(greys);
});

it('leaves out the actual label if it is unknown', () => {
  const svg = drawPredictions([{ ...boot, predicted: 'Sandal' }]);
  expect(svg).toContain('>Predicted: Sandal<');
  expect(svg).not.toContain('stroke=');
});

it.each([
  ['Ankle boot', 0],
  ['Sandal', 1],
])('frames only wrong predictions: %s', (predicted, frames) => {
  const svg = drawPredictions([{ ...boot, predicted, actual: 'Ankle boot' }]);
  expect(svg.match(/stroke=/g) ?? []).toHaveLength(frames);
});

it('keeps any label inside the picture', async () => {
  const anyLabel = fc.string({ unit: 'binary', minLength: 1, maxLength: 80 });
  await fc.assert(
    fc.asyncProperty(anyLabel, anyLabel, async (predicted, actual) => {
      const svg = drawPredictions([{ ...boot, predicted, actual }]);
      const { width } = decode(await renderPng(svg));
      expect(width).toBe(312);
    }),
    { numRuns: 5 },
  );
  const wide = { predicted: 'W'.repeat(200), actual: 'M'.repeat(200) };
  const svg = drawPredictions([{ ...boot, ...wide }]);
  expect(svg).toMatch(/Predicted: W+…, Actual: M+…/);
});

it('embeds the image without loss', () => {
  const png = Buffer.from(pngUrl(boot).split(',')[1] as string, 'base64');
  const { data, ...size } = decode(png);
  expect(size).toMatchObject({ width: 28, height: 28, channels: 1 });
  expect(Buffer.compare(data as Uint8Array, boot.pixels)).toBe(0);
});

it('encodes a large PNG in a data URL as Node does', () => {
  const pixels = Uint8Array.from({ length: 300 * 300 }, (_, i) => Math.imul(i, 2654435761) >>> 24);
  const image = { width: 300, height: 300, pixels };
  const base64 = Buffer.from(toPng(image)).toString('base64');
  expect(pngUrl(image)).toBe(`data:image/png;base64,${base64}`);
});
