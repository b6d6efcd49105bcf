/**
 * @param share such as 0.95
 * @returns the smallest value that this share of the values does not exceed (the nearest-rank method)
 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
