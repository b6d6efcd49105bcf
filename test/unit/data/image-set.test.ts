import { expect, it } from 'vitest';
import { arrangeRows } from '../../../trainer/data/image-set.ts';

const rows = (...values: number[]) => Uint8Array.from(values.flatMap((value) => [value, -value]));

it.each<[string, number[], number[]]>([
  ['keeps them', [0, 1, 2, 3], [0, 1, 2, 3]],
  ['moves each once, in several circles', [1, 0, 4, 2, 3], [1, 0, 4, 2, 3]],
  ['puts rows that are not named last, in their order', [4, 2], [4, 2, 0, 1, 3]],
  ['has nothing to do without rows', [], []],
])('arranging rows %s', (_, order, expected) => {
  const memory = rows(...expected.toSorted());
  arrangeRows(memory, 2, order);
  expect(memory).toEqual(rows(...expected));
});
