import * as z from 'zod';
import { modelSpecSchema } from '../../shared/model/model-spec.ts';
import { argMax, softmax } from '../../shared/model/predict.ts';
import {
  manifestSchema,
  metricsSchema,
  sha256Schema,
  type TrainingEpoch,
  trainingSchema,
} from '../../shared/registry/manifest.ts';

const { epoch, seconds, imagesPerSecond, history, ...settings } = trainingSchema.shape;
const { accuracy, loss } = metricsSchema.shape;

/** config.json: every value that the run uses. What a run writes besides is kept. */
export const runConfigSchema = z.looseObject({
  ...settings,
  spec: modelSpecSchema,
  dataset: z.object({
    ...manifestSchema.shape.dataset.shape,
    /** What `--dataset` takes to load it again: the name of a known data set, or the path of a folder. */
    origin: z.string().optional(),
  }),
  parent: manifestSchema.shape.parent,
});

/** A test image and what a model took it for. */
const guessSchema = z.object({
  index: z.int().nonnegative(),
  actual: z.int().nonnegative(),
  predicted: z.int().nonnegative(),
  /** Of the predicted label. */
  probability: z.number().min(0).max(1),
});

/** A line of metrics.jsonl: an epoch, measured on the test set. */
export const runEpochSchema = z.object({
  ...metricsSchema.shape,
  ...{ epoch, seconds, imagesPerSecond },
  /** Mean loss of the epoch's batches, dropout included. */
  trainLoss: z.number().nonnegative().optional(),
  /** On images held back from training: what the best epoch is chosen by. */
  validation: z.object({ accuracy, loss }).optional(),
  /** The surest mistakes, from the surest down. */
  mistakes: z.array(guessSchema).default([]),
  /** The same test images every epoch. */
  samples: z.array(guessSchema).default([]),
  /** Of the weights.bin that holds this epoch's weights. */
  weightsSha256: sha256Schema,
});

export type RunConfig = z.output<typeof runConfigSchema>;
export type RunEpoch = z.output<typeof runEpochSchema>;
/** An epoch before its weights are written. */
export type MeasuredEpoch = Omit<z.input<typeof runEpochSchema>, 'weightsSha256'>;
export type Guess = z.output<typeof guessSchema>;

/**
 * The epoch whose weights are the run's model: the most accurate on the validation images, the earliest of equals.
 * Where none were held back, it is the last: choosing by the test set would make its accuracy a flattering one.
 *
 * @param epochs at least one
 */
export function bestEpoch(epochs: readonly RunEpoch[]): RunEpoch {
  const accuracyOf = ({ validation }: RunEpoch) => validation?.accuracy ?? -1;
  const last = epochs.at(-1) as RunEpoch;
  if (!last.validation) return last;
  return epochs.reduce((best, epoch) => (accuracyOf(epoch) > accuracyOf(best) ? epoch : best));
}

/** What a manifest keeps of a run's epochs. */
export const historyOf = (epochs: readonly RunEpoch[]): TrainingEpoch[] =>
  epochs.map(({ epoch, accuracy, loss, trainLoss, validation, seconds }) => ({
    ...{ epoch, accuracy, loss, seconds },
    ...(trainLoss !== undefined && { trainLoss }),
    ...(validation && { validationAccuracy: validation.accuracy }),
  }));

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
