/** The least and the largest value of each activation. */
const ranges: Record<string, readonly [lowest: number, highest: number]> = {
  linear: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  relu: [0, Number.POSITIVE_INFINITY],
  relu6: [0, 6],
};

/** Returns the range of values that an activation clamps to; undefined if it does something else. */
export const rangeOf = (activation: unknown) => ranges[String(activation)];
