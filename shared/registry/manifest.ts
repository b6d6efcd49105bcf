import * as z from 'zod/mini';
import { modelSpecSchema } from '../model/model-spec.ts';
import { versionSchema } from './bucket-layout.ts';

export const sha256Schema = z.string().check(z.regex(/^[0-9a-f]{64}$/));

/** A file of a published folder; `path` is relative to the folder. */
export const fileSchema = z.object({
  path: z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/)),
  bytes: z.int().check(z.nonnegative()),
  sha256: sha256Schema,
});

const fraction = z.number().check(z.minimum(0), z.maximum(1));

export const metricsSchema = z.object({
  /** Share of the test images whose label is predicted, 0..1. */
  accuracy: fraction,
  /** Mean cross-entropy over the test images, in nats. */
  loss: z.number().check(z.nonnegative()),
  perClass: z.array(
    z.object({
      label: z.string(),
      precision: fraction,
      recall: fraction,
      f1: fraction,
      support: z.int().check(z.nonnegative()),
    }),
  ),
  /** Mean probability of the predicted label over the test images; absent from versions of an older trainer. */
  meanConfidence: z.optional(fraction),
  /** `confusion[actual][predicted]` counts test images. */
  confusion: z.array(z.array(z.int().check(z.nonnegative()))),
});

/** One epoch of a training, measured on the test images. */
export const trainingEpochSchema = z.object({
  epoch: z.int().check(z.nonnegative()),
  accuracy: fraction,
  loss: z.number().check(z.nonnegative()),
  /** Mean loss of the epoch's batches, dropout included. */
  trainLoss: z.optional(z.number().check(z.nonnegative())),
  /** Accuracy on the images that were held back from training. */
  validationAccuracy: z.optional(fraction),
  /** Time spent on training steps since the start. */
  seconds: z.number().check(z.nonnegative()),
});

/** How Catwalk trained the weights. What was imported it has not trained at all: the recipe is `imported` and its numbers are 0. */
export const trainingSchema = z.object({
  recipe: z.string(),
  /** How many epochs these weights have seen, of how many the run planned. */
  epoch: z.int().check(z.nonnegative()),
  epochs: z.int().check(z.nonnegative()),
  batchSize: z.int().check(z.nonnegative()),
  optimizer: z.string(),
  learningRate: z.number().check(z.nonnegative()),
  /** The rest of the recipe, as `catwalk train` names it; absent from versions of an older trainer. */
  weightDecay: z.optional(z.number()),
  schedule: z.optional(z.string()),
  warmupEpochs: z.optional(z.number()),
  labelSmoothing: z.optional(z.number()),
  averageDecay: z.optional(z.number()),
  flip: z.optional(z.boolean()),
  shift: z.optional(z.int()),
  erase: z.optional(z.int()),
  validation: z.optional(z.int()),
  patience: z.optional(z.int()),
  dtype: z.optional(z.enum(['float32', 'float16'])),
  seed: z.int(),
  /** Time spent on training steps alone. */
  seconds: z.number().check(z.nonnegative()),
  imagesPerSecond: z.number().check(z.nonnegative()),
  backend: z.string(),
  device: z.string(),
  threads: z.int().check(z.positive()),
  /** Package name to version, Node included. */
  packages: z.record(z.string(), z.string()),
  git: z.nullable(z.object({ commit: z.string(), dirty: z.boolean() })),
  /** The training's epochs when these weights were published, in order; absent from versions of an older trainer. */
  history: z.optional(z.array(trainingEpochSchema)),
});

/** What a published version is. Written last: a version without a manifest does not exist. */
export const manifestSchema = z.object({
  schemaVersion: z.literal(1),
  name: modelSpecSchema.shape.name,
  version: versionSchema,
  createdAt: z.iso.datetime(),
  model: modelSpecSchema,
  files: z.array(fileSchema).check(z.minLength(1)),
  /** What the model says of each test image: evaluation.json (shared/evaluation.ts), which no prediction needs. */
  evaluation: z.optional(fileSchema),
  metrics: metricsSchema,
  training: trainingSchema,
  /** The data set's name and the SHA-256 of each of its files. */
  dataset: z.object({ name: z.string(), files: z.record(z.string(), sha256Schema) }),
  /** Of the run's config.json, which has every value that the run used. */
  configSha256: z.optional(sha256Schema),
  /** What the weights were made from: the version that was trained on, or the file that was imported. */
  parent: z.optional(
    z.union([
      z.object({ version: versionSchema }),
      z.object({ file: z.string(), sha256: sha256Schema }),
    ]),
  ),
});

/** One move of an alias, as its history keeps it. */
export const aliasRevisionSchema = z.object({
  /** 1 for the first move whose history is kept; then one more each time. */
  revision: z.int().check(z.positive()),
  /** What the alias names from here on. */
  version: versionSchema,
  /** What it named before. */
  from: z.nullable(versionSchema),
  /** What a rollback from here goes to. */
  previous: z.nullable(versionSchema),
  at: z.iso.datetime(),
  /** Who moved it, such as user@host. */
  by: z.string().check(z.minLength(1), z.maxLength(200)),
  action: z.enum(['publish', 'promote', 'rollback']),
  /** Moved although the new version is less accurate, or was measured on other data. */
  forced: z._default(z.boolean(), false),
  /** Why; a forced move has one. */
  reason: z.optional(z.string().check(z.maxLength(1000))),
});

/** Moves that an alias's history keeps; the oldest is dropped for one more. */
export const aliasHistoryLength = 100;

/** A named pointer to a version; only ever written with If-None-Match or If-Match. */
export const aliasSchema = z.object({
  version: versionSchema,
  updatedAt: z.iso.datetime(),
  /** What a rollback goes to. */
  previous: z.nullable(versionSchema),
  /** Oldest first. The last one is the move that made the alias what it is. */
  history: z._default(z.array(aliasRevisionSchema).check(z.maxLength(aliasHistoryLength)), []),
  /** Versions that are being deleted: the alias may not move to them. */
  pruning: z._default(z.array(versionSchema), []),
});

/** What a test set in the bucket holds, so that an index is one range read. */
export const datasetInfoSchema = z.object({
  name: z.string(),
  images: z.int().check(z.positive()),
  height: z.int().check(z.positive()),
  width: z.int().check(z.positive()),
  labels: z.array(z.string()),
  files: z.array(fileSchema),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type Metrics = z.infer<typeof metricsSchema>;
export type TrainingEpoch = z.infer<typeof trainingEpochSchema>;
export type Training = z.infer<typeof trainingSchema>;
export type Alias = z.infer<typeof aliasSchema>;
export type AliasRevision = z.infer<typeof aliasRevisionSchema>;
export type DatasetInfo = z.infer<typeof datasetInfoSchema>;
export type PublishedFile = z.infer<typeof fileSchema>;
