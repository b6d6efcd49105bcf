import { expect, it } from 'vitest';
import { shuffle, splitValidation } from '../../../trainer/train/image-order.ts';

it('shuffle returns every image once, in an order that depends only on the seed', () => {
  const orderOf = (seed: string) => {
    const order = new Uint32Array(1000);
    shuffle(order, seed);
    return Array.from(order);
  };
  expect(orderOf('1/shuffle/1').toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 1000 }, (_, i) => i),
  );
  expect(orderOf('1/shuffle/1')).toEqual(orderOf('1/shuffle/1'));
  expect(orderOf('1/shuffle/1')).not.toEqual(orderOf('1/shuffle/2'));
});

it('splitValidation sets images aside with their labels, chosen by the seed', () => {
  // Each image is two pixels of its own number, and so is its label.
  const numbers = Uint8Array.from({ length: 100 }, (_, i) => i);
  const images = Uint8Array.from(Array.from(numbers).flatMap((i) => [i, i]));
  const set = { images, labels: numbers, count: 100 };
  const { train, validation } = splitValidation(set, 30, 1);
  expect([train.count, validation?.count]).toEqual([70, 30]);
  for (const part of [train, validation]) {
    const pixels = Array.from(part?.labels ?? []).flatMap((label) => [label, label]);
    expect(Array.from(part?.images ?? [])).toEqual(pixels);
  }
  const all = [...train.labels, ...(validation?.labels ?? [])];
  expect(all.toSorted((a, b) => a - b)).toEqual(Array.from(numbers));
  expect(splitValidation(set, 30, 1).validation).toEqual(validation);
  expect(splitValidation(set, 30, 2).validation).not.toEqual(validation);
  expect(splitValidation(set, 0, 1)).toEqual({ train: set, validation: null });
  expect(() => splitValidation(set, 100, 1)).toThrow(/--validation/);
});
