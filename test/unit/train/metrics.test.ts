import { describe, expect, it } from 'vitest';
import { computeMetrics } from '../../../trainer/train/metrics.ts';

describe('computeMetrics', () => {
  // Actual 0, 0, 1, 1, 2; predicted 0, 1, 1, 1, 0.
  const logits = [
    [2, 1, 0],
    [0, 3, 1],
    [0, 3, 1],
    [1, 2, 0],
    [2, 1, 0],
  ];
  const metrics = computeMetrics(
    Float32Array.from(logits.flat()),
    Uint8Array.from([0, 0, 1, 1, 2]),
    ['a', 'b', 'c'],
  );

  it('counts the confusions', () => {
    expect(metrics.accuracy).toBe(3 / 5);
    expect(metrics.confusion).toEqual([
      [1, 1, 0],
      [0, 2, 0],
      [1, 0, 0],
    ]);
  });

  it('scores each class, with 0 if it was never predicted', () => {
    expect(metrics.perClass).toEqual([
      { label: 'a', precision: 1 / 2, recall: 1 / 2, f1: 1 / 2, support: 2 },
      { label: 'b', precision: 2 / 3, recall: 1, f1: 0.8, support: 2 },
      { label: 'c', precision: 0, recall: 0, f1: 0, support: 1 },
    ]);
  });

  it('averages the probability of the predicted label', () => {
    const ofRow = (row: number[]) =>
      Math.exp(Math.max(...row)) / row.reduce((sum, logit) => sum + Math.exp(logit), 0);
    const expected = logits.reduce((sum, row) => sum + ofRow(row), 0) / 5;
    expect(metrics.meanConfidence).toBeCloseTo(expected, 6);
  });

  it('averages the cross-entropy', () => {
    const ofRow = (row: number[], label: number) =>
      Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0)) - (row[label] as number);
    const expected =
      [0, 0, 1, 1, 2].reduce((sum, label, i) => sum + ofRow(logits[i] as number[], label), 0) / 5;
    expect(metrics.loss).toBeCloseTo(expected, 12);
  });
});
