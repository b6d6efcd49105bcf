import * as z from 'zod';
import { modelSpecSchema } from '../../shared/model/model-spec.ts';
import { argMax, softmax } from '../../shared/model/predict.ts';
import { trainingLayersSchema } from '../../shared/model/training-spec.ts';
import {
  manifestSchema,
  metricsSchema,
  sha256Schema,
  type TrainingEpoch,
  trainingSchema,
} from '../../shared/registry/manifest.ts';

const { epoch, seconds, imagesPerSecond, history, ...settings } = trainingSchema.shape;
const { accuracy, loss } = metricsSchema.shape;

/** config.json: every value that a run uses. Other properties are kept. */
export const runConfigSchema = z.looseObject({
  ...settings,
  spec: modelSpecSchema,
  /** The layers while it trains, if batch normalization is among them. */
  trainingLayers: z.optional(trainingLayersSchema),
  dataset: z.object({
    ...manifestSchema.shape.dataset.shape,
    /** The value of `--dataset` that loads it: the name of a known data set, or the path of a folder. */
    origin: z.string().optional(),
    labelOffset: z.int().optional(),
    /** Files that are no images were left out of the folder. */
    skipUnreadable: z.boolean().optional(),
  }),
  parent: manifestSchema.shape.parent,
});

/** A test image with its actual and predicted class ids. */
const testPredictionSchema = z.object({
  index: z.int().nonnegative(),
  actual: z.int().nonnegative(),
  predicted: z.int().nonnegative(),
  /** The probability of the predicted label. */
  probability: z.number().min(0).max(1),
});

/** A line of metrics.jsonl: an epoch with its metrics on the test set. */
export const runEpochSchema = z.object({
  ...metricsSchema.shape,
  epoch,
  seconds,
  imagesPerSecond,
  /** The mean loss of the epoch's batches, with dropout. */
  trainLoss: z.number().nonnegative().optional(),
  /** Metrics on images held back from training. They decide which epoch is the best. */
  validation: z
    .object({
      accuracy,
      loss,
      /** Their number, if the latest epoch within the standard error of the best is the model: see `bestEpoch`. */
      images: z.int().positive().optional(),
    })
    .optional(),
  /** The most confident mistakes, in descending order of probability. */
  mistakes: z.array(testPredictionSchema).default([]),
  /** The same test images in every epoch. */
  samples: z.array(testPredictionSchema).default([]),
  /** The hash of the weights.bin that has this epoch's weights. */
  weightsSha256: sha256Schema,
});

export type RunConfig = z.output<typeof runConfigSchema>;
export type RunEpoch = z.output<typeof runEpochSchema>;
/** An epoch whose weights are not written yet. */
export type MeasuredEpoch = Omit<z.input<typeof runEpochSchema>, 'weightsSha256'>;
export type TestPrediction = z.output<typeof testPredictionSchema>;

/**
 * Returns the epoch whose weights become the run's model: the first with the best validation accuracy. Without validation
 * images it is the last, because a choice by test accuracy would make that accuracy too optimistic.
 *
 * Fine-tuning has few epochs and often a few hundred validation images, which tell its last epochs apart only by chance. Its model is
 * the latest epoch whose accuracy is within one standard error of the best (Breiman et al. 1984, Classification and Regression Trees).
 *
 * @param epochs at least one
 */
export function bestEpoch(epochs: readonly RunEpoch[]): RunEpoch {
  const accuracyOf = ({ validation }: RunEpoch) => validation?.accuracy ?? -1;
  const last = epochs.at(-1) as RunEpoch;
  if (!last.validation) return last;
  const best = epochs.reduce((one, other) => (accuracyOf(other) > accuracyOf(one) ? other : one));
  const { images } = last.validation;
  if (images === undefined) return best;
  const accuracy = accuracyOf(best);
  const standardError = Math.sqrt((accuracy * (1 - accuracy)) / images);
  return epochs.findLast((epoch) => accuracyOf(epoch) >= accuracy - standardError) ?? best;
}

/** Returns the part of a run's epochs that a manifest includes. */
export const historyOf = (epochs: readonly RunEpoch[]): TrainingEpoch[] =>
  epochs.map(({ epoch, accuracy, loss, trainLoss, validation, seconds }) => ({
    epoch,
    accuracy,
    loss,
    seconds,
    ...(trainLoss !== undefined && { trainLoss }),
    ...(validation && { validationAccuracy: validation.accuracy }),
  }));

const maxMistakes = 12;
const maxSamples = 20;

/**
 * Returns the predictions that a report shows: the most confident mistakes, and samples spread evenly over the test set.
 * Every epoch has the same samples, so that epochs can be compared.
 *
 * @param logits [image][label], flat
 * @param actual one class id per image
 */
export function testPredictions(
  logits: Float32Array,
  actual: Uint8Array,
): { mistakes: TestPrediction[]; samples: TestPrediction[] } {
  const classes = logits.length / actual.length;
  const predictions = Array.from(actual, (actualId, index): TestPrediction => {
    const row = logits.subarray(index * classes, (index + 1) * classes);
    const predicted = argMax(row);
    const probability = softmax(row)[predicted] as number;
    return { index, actual: actualId, predicted, probability };
  });
  const count = Math.min(maxSamples, predictions.length);
  return {
    mistakes: predictions
      .filter(({ predicted, actual }) => predicted !== actual)
      .sort((a, b) => b.probability - a.probability || a.index - b.index)
      .slice(0, maxMistakes),
    samples: Array.from(
      { length: count },
      (_, sample) =>
        predictions[Math.floor((sample * predictions.length) / count)] as TestPrediction,
    ),
  };
}
