/** The least and the largest value that an activation gives. */
export type ActivationRange = readonly [lowest: number, highest: number];

export const unlimited: ActivationRange = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];

const ranges: Record<string, ActivationRange> = {
  linear: unlimited,
  relu: [0, Number.POSITIVE_INFINITY],
  relu6: [0, 6],
};

/** Returns the range of values that an activation clamps to; undefined if it does something else. */
export const rangeOf = (activation: unknown) => ranges[String(activation)];
