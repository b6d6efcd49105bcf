import { argMax, softmax } from '../../shared/to-prediction.ts';
import type { Guess } from './run-records.ts';

/** How many test images a run keeps with what the model took them for. */
const keptMistakes = 12;
const keptSamples = 20;

/**
 * What a report shows of an epoch: the mistakes that the model was surest of, and images spread evenly over the test
 * set, the same ones whatever the model, so that epochs can be compared.
 *
 * @param logits [image][label], flat
 * @param actual one class id per image
 */
export function guessesOf(
  logits: Float32Array,
  actual: Uint8Array,
): { mistakes: Guess[]; samples: Guess[] } {
  const guesses = Array.from(actual, (_, index) => guessOf(index, logits, actual));
  const samples = Math.min(keptSamples, guesses.length);
  return {
    mistakes: guesses
      .filter((guess) => guess.predicted !== guess.actual)
      .sort((a, b) => b.probability - a.probability || a.index - b.index)
      .slice(0, keptMistakes),
    samples: Array.from(
      { length: samples },
      (_, position) => guesses[Math.floor((position * guesses.length) / samples)] as Guess,
    ),
  };
}

function guessOf(index: number, logits: Float32Array, actual: Uint8Array): Guess {
  const classes = logits.length / actual.length;
  const row = logits.subarray(index * classes, (index + 1) * classes);
  const predicted = argMax(row);
  const probability = softmax(row)[predicted] as number;
  return { index, actual: actual[index] as number, predicted, probability };
}
