import { expect } from 'vitest';

interface Answer {
  probabilities: { probability: number }[];
}

/** Checks the probabilities of an answer against the network's logits. */
export function expectLogits({ probabilities }: Answer, expected: readonly number[]): void {
  const logits = probabilities.map(({ probability }) => Math.log(probability));
  for (const [i, logit] of logits.entries()) {
    const below = (expected[i] as number) - Math.max(...expected);
    expect(logit - Math.max(...logits)).toBeCloseTo(below, 4);
  }
}
