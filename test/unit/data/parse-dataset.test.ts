import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseIdx } from '../../../shared/idx.ts';
import { parseDataset } from '../../../trainer/data/parse-dataset.ts';

function idx(dimensions: number[], values: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * dimensions.length + values.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x0800 + dimensions.length);
  for (const [i, size] of dimensions.entries()) view.setUint32(4 + 4 * i, size);
  bytes.set(values, 4 + 4 * dimensions.length);
  return bytes;
}

const shape = { height: 2, width: 3, labels: ['a', 'b'] };
const images = idx(
  [2, 2, 3],
  Uint8Array.from({ length: 12 }, (_, i) => i),
);
const labels = idx([2], [1, 0]);
const files = {
  trainImages: images,
  trainLabels: labels,
  testImages: images,
  testLabels: labels,
};

describe('parseDataset', () => {
  test('reads images and labels without copying them', () => {
    const { train } = parseDataset(shape, files);
    expect(train.count).toBe(2);
    expect([...train.labels]).toEqual([1, 0]);
    expect([...train.images.subarray(6)]).toEqual([6, 7, 8, 9, 10, 11]);
    expect(train.images.buffer).toBe(images.buffer);
  });

  test.each([
    ['images of another size', { testImages: idx([2, 3, 2], new Uint8Array(12)) }, /3x2.*2x3/],
    ['fewer labels than images', { trainLabels: idx([1], [0]) }, /2 training images but 1 labels/],
    [
      'a label without a name',
      { testLabels: idx([2], [0, 2]) },
      /label of test image 1 is 2; ids go from 0 to 1/,
    ],
    ['labels in place of images', { trainImages: labels }, /header has 16|magic number/],
    ['images in place of labels', { trainLabels: images }, /magic number 2051, expected 2049/],
    ['an empty file', { testImages: new Uint8Array() }, /the file has 0/],
  ])('refuses %s', (_, wrong, message) => {
    expect(() => parseDataset(shape, { ...files, ...wrong })).toThrow(message);
    expect(() => parseDataset(shape, { ...files, ...wrong })).toThrow(RangeError);
  });
});

describe('parseIdx', () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 4 });
  const product = (dimensions: number[]) => dimensions.reduce((total, size) => total * size, 1);

  test('reads back what was written', () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 0, max: 255 }), (dimensions, value) => {
        const values = new Uint8Array(product(dimensions)).fill(value);
        const read = parseIdx(idx(dimensions, values), dimensions.length);
        expect(read.dimensions).toEqual(dimensions);
        expect([...read.values]).toEqual([...values]);
      }),
    );
  });

  test('refuses every truncation and every extra byte', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), (dimensions, seed) => {
        const whole = idx(dimensions, new Uint8Array(product(dimensions)));
        const cut = whole.subarray(0, seed % whole.length);
        expect(() => parseIdx(cut, dimensions.length)).toThrow(RangeError);
        const longer = new Uint8Array(whole.length + 1 + (seed % 9));
        longer.set(whole);
        expect(() => parseIdx(longer, dimensions.length)).toThrow(RangeError);
      }),
    );
  });

  test('never throws anything but a RangeError on arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(1, 3), (bytes, dimensions) => {
        try {
          const { values } = parseIdx(bytes, dimensions);
          expect(values.length).toBeLessThan(bytes.length);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });

  test('reads a file that starts inside a larger buffer', () => {
    const within = new Uint8Array(labels.length + 5);
    within.set(labels, 5);
    expect([...parseIdx(within.subarray(5), 1).values]).toEqual([1, 0]);
  });
});
