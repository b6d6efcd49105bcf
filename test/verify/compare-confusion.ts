export interface ConfusionDifference {
  actual: number;
  predicted: number;
  expected: number;
  found: number;
}

/** @returns the cells in which two `confusion[actual][predicted]` differ */
export function compareConfusion(
  expected: readonly (readonly number[])[],
  found: readonly (readonly number[])[],
): ConfusionDifference[] {
  const differences: ConfusionDifference[] = [];
  for (let actual = 0; actual < Math.max(expected.length, found.length); actual++) {
    const width = Math.max(expected[actual]?.length ?? 0, found[actual]?.length ?? 0);
    for (let predicted = 0; predicted < width; predicted++) {
      const cell = {
        expected: expected[actual]?.[predicted] ?? 0,
        found: found[actual]?.[predicted] ?? 0,
      };
      if (cell.expected !== cell.found) differences.push({ actual, predicted, ...cell });
    }
  }
  return differences;
}

/** @returns the number of images on the diagonal, and of all images */
export function countCorrect(confusion: readonly (readonly number[])[]) {
  const images = confusion.flat().reduce((sum, count) => sum + count, 0);
  const correct = confusion.reduce((sum, row, label) => sum + (row[label] ?? 0), 0);
  return { correct, images };
}
