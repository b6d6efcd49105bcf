import { expect, it } from 'vitest';
import {
  balancedWeights,
  shuffle,
  splitValidation,
  validationCount,
} from '../../../trainer/train/image-order.ts';

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

it('validationCount takes a share or a number', () => {
  expect(validationCount(0, 1000)).toBe(0);
  expect(validationCount(30, 1000)).toBe(30);
  expect(validationCount(0.2, 1000)).toBe(200);
  expect(validationCount(0.2, 3)).toBe(1);
  expect(validationCount(0.001, 10)).toBe(1);
});

it('balancedWeights lets all labels count the same', () => {
  // 6, 3 and 1 images; label 3 has none.
  const labels = Uint8Array.of(0, 0, 0, 1, 1, 2, 0, 0, 1, 0);
  const weights = balancedWeights(labels, 4);
  expect(Array.from(weights, (weight) => weight.toFixed(4))).toEqual([
    '0.5556',
    '1.1111',
    '3.3333',
    '0.0000',
  ]);
  const sums = [0, 0, 0];
  for (const id of labels) sums[id] = (sums[id] as number) + (weights[id] as number);
  for (const sum of sums) expect(sum).toBeCloseTo(10 / 3, 5);
});
