import { beforeAll, describe, expect, it } from 'vitest';
import { UsageError } from '../../../node/options.ts';
import { fashionMnistCnn } from '../../../shared/model/model-spec.ts';
import type { Dataset } from '../../../trainer/data/dataset.ts';
import { loadDataset } from '../../../trainer/data/load-dataset.ts';
import { augmentPhoto, checkTakesPhotos, footwear } from '../../../trainer/train/augment-photo.ts';
import { cutOut, layPair, newGarment } from '../../../trainer/train/photo-garment.ts';
import { openRandom } from '../../../trainer/train/photo-random.ts';
import { fillTexture, newPlane } from '../../../trainer/train/photo-texture.ts';

let dataset: Dataset;
beforeAll(async () => {
  dataset = await loadDataset();
});

const imageOf = (index: number) => dataset.train.images.subarray(784 * index, 784 * (index + 1));
const indexOf = (label: string) => dataset.train.labels.indexOf(dataset.labels.indexOf(label));

function photoOf(index: number, seed: string): Uint8Array {
  const target = new Uint8Array(784).fill(99);
  const label = dataset.labels[dataset.train.labels[index] as number] as string;
  augmentPhoto(target, imageOf(index), footwear.has(label), openRandom(seed));
  return target;
}

describe('an image that is made to look like a photo', () => {
  it('depends on the seed only, whatever was made before', () => {
    const first = Array.from({ length: 50 }, (_, i) => photoOf(i, `a/${i}`));
    const again = Array.from({ length: 50 }, (_, i) => photoOf(49 - i, `a/${49 - i}`)).reverse();
    expect(again).toEqual(first);
    for (const [i, photo] of first.entries()) expect(photoOf(i, `b/${i}`)).not.toEqual(photo);
  });

  it('is isolated in seven of ten cases, with its mean near that of predicted photos', () => {
    const photos = Array.from({ length: 2000 }, (_, i) => photoOf(i, `c/${i}`));
    const isBlack = (photo: Uint8Array) =>
      [0, 27, 756, 783].filter((corner) => photo[corner] === 0).length >= 3;
    const isolated = photos.filter(isBlack);
    // A few isolated ones keep a corner, a few whole ones are black: five standard deviations and two percent.
    expect(Math.abs(isolated.length / photos.length - 0.7)).toBeLessThan(0.07);
    const means = isolated.map((photo) => {
      const garment = photo.filter((pixel) => pixel > 64);
      return garment.reduce((sum, pixel) => sum + pixel, 0) / garment.length;
    });
    expect(means.reduce((sum, mean) => sum + mean, 0) / means.length).toBeGreaterThan(115);
    expect(means.reduce((sum, mean) => sum + mean, 0) / means.length).toBeLessThan(150);
  });

  it('fills the image if it is isolated', () => {
    const edges = Array.from({ length: 500 }, (_, i) => {
      const photo = photoOf(indexOf('Trouser'), `d/${i}`);
      const rows = Array.from({ length: 28 }, (_row, y) =>
        photo.subarray(28 * y, 28 * (y + 1)).some((pixel) => pixel > 32),
      );
      return rows.lastIndexOf(true) - rows.indexOf(true) + 1;
    });
    expect(edges.filter((height) => height >= 24).length).toBeGreaterThan(400);
  });
});

describe('a garment that is cut out', () => {
  it('includes its holes and gaps of a pixel, and leaves what is around it', () => {
    const pixels = new Uint8Array(784);
    const at = (x: number, y: number) => 28 * y + x;
    for (let y = 5; y < 20; y++) for (let x = 8; x < 18; x++) pixels[at(x, y)] = 200;
    for (let y = 9; y < 14; y++) for (let x = 11; x < 15; x++) pixels[at(x, y)] = 0;
    // A row that is missing closes; a wide gap to the next part does not.
    for (let x = 9; x < 17; x++) pixels[at(x, 6)] = 12;
    for (let x = 8; x < 18; x++) pixels[at(x, 24)] = 150;
    const { cover, light } = newGarment();
    cutOut(pixels, { cover, light });
    for (let y = 0; y < 28; y++) {
      for (let x = 0; x < 28; x++) {
        const isInside = x >= 8 && x < 18 && ((y >= 5 && y < 20) || y === 24);
        expect([x, y, cover[at(x, y)]]).toEqual([x, y, isInside ? 1 : 0]);
      }
    }
    expect(light[at(10, 8)]).toBeCloseTo(200 / 255);
    expect(light[at(12, 10)]).toBe(0);
  });

  it('becomes a pair that covers both halves of the image', () => {
    const shoe = newGarment();
    const pair = newGarment();
    cutOut(imageOf(indexOf('Ankle boot')), shoe);
    for (let i = 0; i < 50; i++) {
      layPair(shoe, pair, openRandom(`e/${i}`));
      const sumOf = (part: (position: number) => boolean) =>
        pair.cover.reduce((sum, cover, at) => sum + (part(at) ? cover : 0), 0);
      const whole = sumOf(() => true);
      const left = sumOf((at) => at % 28 < 14);
      const above = sumOf((at) => at < 392);
      const balance = Math.min(left, whole - left, above, whole - above) / whole;
      expect(balance).toBeGreaterThan(0.1);
      expect(Math.max(...pair.cover)).toBeLessThanOrEqual(1.0001);
    }
  });
});

it('textures have every brightness', () => {
  const plane = newPlane();
  const means = Array.from({ length: 1000 }, (_, i) => {
    fillTexture(plane, openRandom(`f/${i}`));
    expect(plane.every(Number.isFinite)).toBe(true);
    return plane.reduce((sum, value) => sum + value, 0) / plane.length;
  });
  for (let tenth = 0; tenth < 10; tenth++) {
    const count = means.filter((mean) => mean >= tenth / 10 && mean < (tenth + 1) / 10).length;
    // 100 ± five standard deviations.
    expect(Math.abs(count - 100)).toBeLessThan(50);
  }
});

describe('checkTakesPhotos', () => {
  const datasetOf = (images: Uint8Array, height = 28, width = 28): Dataset => {
    const count = images.length / (height * width);
    const train = { images, labels: new Uint8Array(count), count };
    return { ...dataset, name: 'other', height, width, train, test: train };
  };
  const few = () => dataset.train.images.slice(0, 784 * 100);

  it('takes Fashion-MNIST and what looks like it', () => {
    expect(() => checkTakesPhotos(dataset)).not.toThrow();
    expect(() => checkTakesPhotos(datasetOf(few()))).not.toThrow();
  });

  it.each<[string, () => Dataset, RegExp]>([
    ['larger images', () => datasetOf(new Uint8Array(32 * 32 * 5), 32, 32), /images of 32x32/],
    [
      'dark images on white',
      () => datasetOf(few().map((pixel) => 255 - pixel)),
      /only 0 of the 100 training images of other have a black border\. Use --recipe best/,
    ],
  ])('refuses %s, and says what it needs', (_, other, message) => {
    expect(() => checkTakesPhotos(other())).toThrow(UsageError);
    expect(() => checkTakesPhotos(other())).toThrow(message);
    expect(() => checkTakesPhotos(other())).toThrow(
      /grey images of 28x28 pixels .* light on black/,
    );
  });
});

it('each kind of footwear is a label of Fashion-MNIST', () => {
  for (const label of footwear) expect(fashionMnistCnn.labels).toContain(label);
});
