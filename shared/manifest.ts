import * as z from 'zod';
import { modelSpecSchema } from './model-spec.ts';
import { versionSchema } from './version.ts';

export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);

/** A file of a published folder; `path` is relative to the folder. */
export const fileSchema = z.object({
  path: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/),
  bytes: z.int().nonnegative(),
  sha256: sha256Schema,
});

const fraction = z.number().min(0).max(1);

export const metricsSchema = z.object({
  /** Share of the test images whose label is predicted, 0..1. */
  accuracy: fraction,
  /** Mean cross-entropy over the test images, in nats. */
  loss: z.number().nonnegative(),
  perClass: z.array(
    z.object({
      label: z.string(),
      precision: fraction,
      recall: fraction,
      f1: fraction,
      support: z.int().nonnegative(),
    }),
  ),
  /** `confusion[actual][predicted]` counts test images. */
  confusion: z.array(z.array(z.int().nonnegative())),
});

/** How Catwalk trained the weights. What was imported it has not trained at all: the recipe is `imported` and its numbers are 0. */
export const trainingSchema = z.object({
  recipe: z.string(),
  /** How many epochs these weights have seen, of how many the run planned. */
  epoch: z.int().nonnegative(),
  epochs: z.int().nonnegative(),
  batchSize: z.int().nonnegative(),
  optimizer: z.string(),
  learningRate: z.number().nonnegative(),
  /** The rest of the recipe, as `catwalk train` names it; absent from versions of an older trainer. */
  weightDecay: z.number().optional(),
  schedule: z.string().optional(),
  warmupEpochs: z.number().optional(),
  labelSmoothing: z.number().optional(),
  averageDecay: z.number().optional(),
  flip: z.boolean().optional(),
  shift: z.int().optional(),
  erase: z.int().optional(),
  validation: z.int().optional(),
  patience: z.int().optional(),
  dtype: z.enum(['float32', 'float16']).optional(),
  seed: z.int(),
  /** Time spent on training steps alone. */
  seconds: z.number().nonnegative(),
  imagesPerSecond: z.number().nonnegative(),
  backend: z.string(),
  device: z.string(),
  threads: z.int().positive(),
  /** Package name to version, Node included. */
  packages: z.record(z.string(), z.string()),
  git: z.object({ commit: z.string(), dirty: z.boolean() }).nullable(),
});

/** What a published version is. Written last: a version without a manifest does not exist. */
export const manifestSchema = z.object({
  schemaVersion: z.literal(1),
  name: modelSpecSchema.shape.name,
  version: versionSchema,
  createdAt: z.iso.datetime(),
  model: modelSpecSchema,
  files: z.array(fileSchema).min(1),
  metrics: metricsSchema,
  training: trainingSchema,
  /** The data set's name and the SHA-256 of each of its files. */
  dataset: z.object({ name: z.string(), files: z.record(z.string(), sha256Schema) }),
  /** Of the run's config.json, which has every value that the run used. */
  configSha256: sha256Schema.optional(),
  /** What the weights were made from: the version that was trained on, or the file that was imported. */
  parent: z
    .union([
      z.object({ version: versionSchema }),
      z.object({ file: z.string(), sha256: sha256Schema }),
    ])
    .optional(),
});

/** One move of an alias, as its history keeps it. */
export const aliasRevisionSchema = z.object({
  /** 1 for the first move whose history is kept; then one more each time. */
  revision: z.int().positive(),
  /** What the alias names from here on. */
  version: versionSchema,
  /** What it named before. */
  from: versionSchema.nullable(),
  /** What a rollback from here goes to. */
  previous: versionSchema.nullable(),
  at: z.iso.datetime(),
  /** Who moved it, such as user@host. */
  by: z.string().min(1).max(200),
  action: z.enum(['publish', 'promote', 'rollback']),
  /** Moved although the new version is less accurate, or was measured on other data. */
  forced: z.boolean().default(false),
  /** Why; a forced move has one. */
  reason: z.string().max(1000).optional(),
});

/** Moves that an alias's history keeps; the oldest is dropped for one more. */
export const aliasHistoryLength = 100;

/** A named pointer to a version; only ever written with If-None-Match or If-Match. */
export const aliasSchema = z.object({
  version: versionSchema,
  updatedAt: z.iso.datetime(),
  /** What a rollback goes to. */
  previous: versionSchema.nullable(),
  /** Oldest first. The last one is the move that made the alias what it is. */
  history: z.array(aliasRevisionSchema).max(aliasHistoryLength).default([]),
  /** Versions that are being deleted: the alias may not move to them. */
  pruning: z.array(versionSchema).default([]),
});

/** What a test set in the bucket holds, so that an index is one range read. */
export const datasetInfoSchema = z.object({
  name: z.string(),
  images: z.int().positive(),
  height: z.int().positive(),
  width: z.int().positive(),
  labels: z.array(z.string()),
  files: z.array(fileSchema),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type Metrics = z.infer<typeof metricsSchema>;
export type Training = z.infer<typeof trainingSchema>;
export type Alias = z.infer<typeof aliasSchema>;
export type AliasRevision = z.infer<typeof aliasRevisionSchema>;
export type DatasetInfo = z.infer<typeof datasetInfoSchema>;
export type PublishedFile = z.infer<typeof fileSchema>;
