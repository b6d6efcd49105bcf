import { argMax, softmax } from '../../shared/model/predict.ts';
import type { Metrics } from '../../shared/registry/manifest.ts';

/**
 * Compares logits with labels: accuracy, mean cross-entropy, mean confidence, confusion matrix and scores per class. A
 * score whose denominator is 0 is 0, as in scikit-learn's `classification_report`.
 *
 * @param logits [image][label], flat
 * @param actual one class id per image
 * @param labels the names of the classes
 */
export function computeMetrics(
  logits: Float32Array,
  actual: Uint8Array,
  labels: readonly string[],
): Metrics {
  const classes = labels.length;
  const confusion = labels.map(() => labels.map(() => 0));
  let lossSum = 0;
  let correct = 0;
  let confidenceSum = 0;
  for (const [image, label] of actual.entries()) {
    const row = logits.subarray(image * classes, (image + 1) * classes);
    const predicted = argMax(row);
    const counts = confusion[label] as number[];
    counts[predicted] = (counts[predicted] as number) + 1;
    const probabilities = softmax(row);
    lossSum -= Math.log(Math.max(probabilities[label] as number, Number.MIN_VALUE));
    confidenceSum += probabilities[predicted] as number;
    if (predicted === label) correct++;
  }
  return {
    accuracy: correct / actual.length,
    loss: lossSum / actual.length,
    meanConfidence: confidenceSum / actual.length,
    perClass: labels.map((label, id) => ({ label, ...classScores(confusion, id) })),
    confusion,
  };
}

function classScores(confusion: number[][], id: number) {
  const hits = confusion[id]?.[id] ?? 0;
  const support = total(confusion[id] ?? []);
  const predicted = total(confusion.map((row) => row[id] ?? 0));
  const precision = ratio(hits, predicted);
  const recall = ratio(hits, support);
  return { precision, recall, f1: ratio(2 * precision * recall, precision + recall), support };
}

const total = (values: number[]) => values.reduce((running, value) => running + value, 0);
const ratio = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);
