import { expect, test } from 'vitest';
import { collectMore, describeCollectMore } from '../../../trainer/run/collect-more.ts';

const labels = ['cup', 'hat', 'key'];

test('names the labels and pairs that are confused most', () => {
  const confusion = [
    [30, 9, 1],
    [5, 34, 1],
    [0, 0, 40],
  ];
  const more = collectMore({ accuracy: 104 / 120, confusion }, labels);
  expect(more).toEqual({
    labels: [
      { label: 'cup', right: 30, images: 40 },
      { label: 'hat', right: 34, images: 40 },
    ],
    pairs: [
      { actual: 'cup', predicted: 'hat', images: 9 },
      { actual: 'hat', predicted: 'cup', images: 5 },
    ],
  });
  expect(describeCollectMore(more)).toBe(
    'More training images would help most of: cup (75 % of 40 recognized), hat (85 % of 40 recognized). Confused most: cup taken for hat 9 times, hat taken for cup 5 times.',
  );
});

test('names labels that are all recognized equally well', () => {
  const confusion = [
    [7, 3],
    [3, 7],
  ];
  const { labels: named } = collectMore({ accuracy: 14 / 20, confusion }, labels);
  expect(named.map(({ label }) => label)).toEqual(['cup', 'hat']);
});

test('names a pair even if both labels are recognized better than the average', () => {
  const confusion = [
    [98, 2, 0],
    [0, 100, 0],
    [1, 0, 0],
  ];
  const more = collectMore({ accuracy: 198 / 203, confusion }, labels);
  expect(describeCollectMore(more)).toBe('Confused most: cup taken for hat 2 times.');
});

test('names nothing if all is recognized, or a label was missed once, or has no test image', () => {
  for (const confusion of [
    [
      [4, 0, 0],
      [0, 4, 0],
      [0, 0, 0],
    ],
    [
      [4, 1, 0],
      [0, 4, 0],
      [0, 0, 4],
    ],
  ]) {
    const more = collectMore({ accuracy: 0.95, confusion }, labels);
    expect(more).toEqual({ labels: [], pairs: [] });
    expect(describeCollectMore(more)).toBeNull();
  }
});
