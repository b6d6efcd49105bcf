import { expect, test } from 'vitest';
import { compareConfusion, countCorrect } from '../../verify/compare-confusion.ts';

const trained = [
  [8, 2],
  [1, 9],
];

test('the same answers differ nowhere', () => {
  expect(compareConfusion(trained, structuredClone(trained))).toEqual([]);
  expect(countCorrect(trained)).toEqual({ correct: 17, images: 20 });
});

test('two images swapped are found even where the accuracy is the same', () => {
  const served = [
    [7, 3],
    [0, 10],
  ];
  expect(countCorrect(served)).toEqual(countCorrect(trained));
  expect(compareConfusion(trained, served)).toEqual([
    { actual: 0, predicted: 0, expected: 8, found: 7 },
    { actual: 0, predicted: 1, expected: 2, found: 3 },
    { actual: 1, predicted: 0, expected: 1, found: 0 },
    { actual: 1, predicted: 1, expected: 9, found: 10 },
  ]);
});

test('a label more or less is a difference', () => {
  expect(
    compareConfusion(
      [[1]],
      [
        [1, 0],
        [0, 2],
      ],
    ),
  ).toEqual([{ actual: 1, predicted: 1, expected: 0, found: 2 }]);
});
