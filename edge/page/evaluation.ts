import type { Evaluation } from '../../shared/evaluation.ts';
import type { Manifest } from '../../shared/manifest.ts';
import { ask, Trouble } from './trouble.ts';

/** What the model says of one test image. */
export interface Verdict {
  index: number;
  /** Class ids. */
  actual: number;
  predicted: number;
  /** Of the predicted label, 0..1. */
  probability: number;
}

/**
 * Reads what a version says of every test image; the browser keeps the file, as it never changes.
 *
 * @throws {Trouble} also where the version has none
 */
export async function readEvaluation({ version, evaluation }: Manifest): Promise<Verdict[]> {
  if (!evaluation) {
    throw new Trouble(
      'no_evaluation',
      'This version has no evaluation',
      'An older trainer published it. Versions that are published now have one, and their images can be looked through here.',
    );
  }
  const { value } = await ask<Evaluation>(`models/${version}/${evaluation.path}`);
  const [actual, predicted, probability] = [value.actual, value.predicted, value.probability].map(
    (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0)),
  ) as [Uint8Array, Uint8Array, Uint8Array];
  const probabilities = new DataView(probability.buffer);
  return Array.from(actual, (label, index) => ({
    index,
    actual: label,
    predicted: predicted[index] as number,
    probability: probabilities.getUint16(2 * index, true) / 65535,
  }));
}
