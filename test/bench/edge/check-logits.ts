import type { Contestant } from './contestant.ts';

const largestAllowed = 1e-3;

/**
 * Checks that all contestants compute the same logits, before any of them is timed.
 *
 * @throws {Error} if a logit is off by more than 1e-3
 * @returns the largest difference of each from the first, by name
 */
export async function checkLogits(
  contestants: readonly Contestant[],
  batches: readonly number[],
): Promise<Map<string, number>> {
  const [reference] = contestants;
  const expected = (await reference?.logits(1)) ?? [];
  const differences = new Map<string, number>();
  for (const contestant of contestants) {
    for (const batch of batches) {
      const found = await contestant.logits(batch);
      const difference = maxDifference(expected, found);
      if (!(difference <= largestAllowed)) {
        throw new Error(
          `${contestant.name} gives other logits than ${reference?.name} in batches of ${batch}: ${difference} apart.`,
        );
      }
      differences.set(contestant.name, Math.max(difference, differences.get(contestant.name) ?? 0));
    }
  }
  return differences;
}

function maxDifference(expected: readonly number[], found: readonly number[]): number {
  if (expected.length === 0 || expected.length !== found.length) return Number.NaN;
  return expected.reduce(
    (largest, logit, i) => Math.max(largest, Math.abs(logit - (found[i] ?? Number.NaN))),
    0,
  );
}
