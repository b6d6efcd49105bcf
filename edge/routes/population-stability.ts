/**
 * The population stability index of observed counts against expected shares: the sum of (o - e) ln(o / e). Below 0.1 is taken for no
 * change, above 0.25 for a large one (N. Siddiqi, Credit Risk Scorecards, 2006). Half a count is added to each, so that none is 0.
 *
 * `byChance` is what it exceeds in 5 % of samples of this size where nothing has changed: it is distributed as chi-squared with one
 * degree less than there are labels, times 1/n + 1/m (B. Yurdakul, Statistical Properties of Population Stability Index, 2018).
 *
 * @param observed n in all
 * @param expected m in all
 */
export function populationStability(observed: readonly number[], expected: readonly number[]) {
  const [n, m] = [sum(observed), sum(expected)];
  const labels = observed.length;
  const value = observed.reduce((total, count, label) => {
    const o = (count + 0.5) / (n + labels / 2);
    const e = ((expected[label] as number) + 0.5) / (m + labels / 2);
    return total + (o - e) * Math.log(o / e);
  }, 0);
  return { value, byChance: chiSquared95(labels - 1) * (1 / n + 1 / m) };
}

/** @returns the 95 % quantile (E. Wilson and M. Hilferty, The Distribution of Chi-Square, 1931), within 1 % from 2 degrees of freedom on */
function chiSquared95(degrees: number): number {
  const part = 2 / (9 * degrees);
  return degrees * (1 - part + 1.645 * Math.sqrt(part)) ** 3;
}

export const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
