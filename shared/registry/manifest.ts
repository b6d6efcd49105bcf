import * as z from 'zod/mini';
import { modelSpecSchema } from '../model/model-spec.ts';
import { modelNameSchema, versionSchema } from '../model/names.ts';

export const sha256Schema = z.string().check(z.regex(/^[0-9a-f]{64}$/));

/** A file of a published folder. `path` is relative to the folder. */
export const fileSchema = z.object({
  path: z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/)),
  bytes: z.int().check(z.nonnegative()),
  sha256: sha256Schema,
});

const fraction = z.number().check(z.minimum(0), z.maximum(1));

export const metricsSchema = z.object({
  /** The share of the test images that are predicted correctly, 0..1. */
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
  /** The mean probability of the predicted label over the test images. Versions of an older trainer lack it. */
  meanConfidence: z.optional(fraction),
  /** `confusion[actual][predicted]` counts test images. */
  confusion: z.array(z.array(z.int().check(z.nonnegative()))),
});

/** One epoch of a training, measured on the test images. */
export const trainingEpochSchema = z.object({
  epoch: z.int().check(z.nonnegative()),
  accuracy: fraction,
  loss: z.number().check(z.nonnegative()),
  /** Mean loss of the epoch's batches, with dropout. */
  trainLoss: z.optional(z.number().check(z.nonnegative())),
  /** Accuracy on the images that are held out from training. */
  validationAccuracy: z.optional(fraction),
  /** Time spent on training steps since the start of the run. */
  seconds: z.number().check(z.nonnegative()),
});

/** The types in which a model's weights are stored. TensorFlow.js converts them to float32. */
export const weightTypes = ['float32', 'float16', 'uint8'] as const;
export type WeightType = (typeof weightTypes)[number];

/** The origin of weights: a version, and its model if it has another name, or a file. A run's file is `<run>/model/weights.bin`. */
const originSchema = z.union([
  z.object({ version: versionSchema, name: z.optional(modelNameSchema) }),
  z.object({ file: z.string(), sha256: sha256Schema }),
]);

/** How the weights were trained. Imported weights have the recipe `imported` and zeros. */
export const trainingSchema = z.object({
  recipe: z.string(),
  /** The epoch that the weights are from, of the run's planned `epochs`. */
  epoch: z.int().check(z.nonnegative()),
  epochs: z.int().check(z.nonnegative()),
  batchSize: z.int().check(z.nonnegative()),
  optimizer: z.string(),
  learningRate: z.number().check(z.nonnegative()),
  /** The rest of the recipe, named as by `catwalk train`. Versions of an older trainer lack it. */
  weightDecay: z.optional(z.number()),
  schedule: z.optional(z.string()),
  warmupEpochs: z.optional(z.number()),
  labelSmoothing: z.optional(z.number()),
  averageDecay: z.optional(z.number()),
  flip: z.optional(z.boolean()),
  shift: z.optional(z.int()),
  erase: z.optional(z.int()),
  photos: z.optional(fraction),
  classWeights: z.optional(z.string()),
  validation: z.optional(z.int()),
  patience: z.optional(z.int()),
  dtype: z.optional(z.enum(weightTypes)),
  /** The models that it learned from, and how. Absent if it learned from the labels only. */
  teachers: z.optional(z.array(originSchema)),
  temperature: z.optional(z.number()),
  teacherWeight: z.optional(fraction),
  seed: z.int(),
  /** Time spent on training steps. */
  seconds: z.number().check(z.nonnegative()),
  imagesPerSecond: z.number().check(z.nonnegative()),
  backend: z.string(),
  device: z.string(),
  threads: z.int().check(z.positive()),
  /** Package name to version, including Node. */
  packages: z.record(z.string(), z.string()),
  git: z.nullable(z.object({ commit: z.string(), dirty: z.boolean() })),
  /** The epochs until these weights were published, in order. Versions of an older trainer lack it. */
  history: z.optional(z.array(trainingEpochSchema)),
});

/** The description of a published version. Written last: a version without a manifest does not exist. */
export const manifestSchema = z.object({
  schemaVersion: z.literal(1),
  name: modelSpecSchema.shape.name,
  version: versionSchema,
  createdAt: z.iso.datetime(),
  model: modelSpecSchema,
  files: z.array(fileSchema).check(z.minLength(1)),
  /** evaluation.json (evaluation.ts), the prediction of each test image. Serving does not need it. */
  evaluation: z.optional(fileSchema),
  metrics: metricsSchema,
  training: trainingSchema,
  /** The data set's name and the SHA-256 of each of its files. */
  dataset: z.object({ name: z.string(), files: z.record(z.string(), sha256Schema) }),
  /** The hash of the run's config.json, which has every option of the run. */
  configSha256: z.optional(sha256Schema),
  /** The model that training started from, or the file that was imported. */
  parent: z.optional(originSchema),
});

/** The parts of a TensorFlow.js model.json that Catwalk reads. TensorFlow.js checks the topology itself. */
export const modelJsonSchema = z.object({
  modelTopology: z.record(z.string(), z.unknown()),
  weightsManifest: z
    .array(
      z.object({
        paths: z.array(z.string()),
        weights: z.array(
          z.looseObject({
            name: z.string(),
            shape: z.array(z.int()),
            dtype: z.literal('float32'),
            /** A smaller type in the file. TensorFlow.js converts it to float32. */
            quantization: z.exactOptional(
              z.discriminatedUnion('dtype', [
                z.looseObject({ dtype: z.literal('float16') }),
                /** A byte b is the number `b * scale + min`. */
                z.looseObject({ dtype: z.literal('uint8'), min: z.number(), scale: z.number() }),
              ]),
            ),
          }),
        ),
      }),
    )
    .check(z.minLength(1)),
});

/** One move of an alias, an entry of its history. */
export const aliasRevisionSchema = z.object({
  /** 1 for the first move of the history, then increasing by 1. */
  revision: z.int().check(z.positive()),
  /** The version that the alias names after the move. */
  version: versionSchema,
  /** The version that it named before. */
  from: z.nullable(versionSchema),
  /** The target of a rollback from here. */
  previous: z.nullable(versionSchema),
  at: z.iso.datetime(),
  /** Who moved the alias, such as user@host. */
  by: z.string().check(z.minLength(1), z.maxLength(200)),
  action: z.enum(['publish', 'promote', 'rollback']),
  /** Whether the move was forced: the new version is less accurate, or was measured on other data. */
  forced: z._default(z.boolean(), false),
  /** Required for a forced move. */
  reason: z.optional(z.string().check(z.maxLength(1000))),
});

/** The maximum length of an alias's history. A further move drops the oldest. */
export const aliasHistoryLength = 100;

/** A named pointer to a version. Only written with If-None-Match or If-Match. */
export const aliasSchema = z.object({
  version: versionSchema,
  updatedAt: z.iso.datetime(),
  /** The target of a rollback. */
  previous: z.nullable(versionSchema),
  /** Oldest first. The last move led to the current state. */
  history: z._default(z.array(aliasRevisionSchema).check(z.maxLength(aliasHistoryLength)), []),
  /** Versions that are being deleted. The alias can't move to them. */
  pruning: z._default(z.array(versionSchema), []),
  /** An Ed25519 signature in base64 of what alias-statement.ts returns. */
  signature: z.optional(z.string().check(z.regex(/^[A-Za-z0-9+/]{86}==$/))),
});

/** The description of a test set in the bucket. It makes an image one range read, which its hashes verify. */
export const datasetInfoSchema = z.object({
  name: z.string(),
  /** The folder of the files, named by their content. Missing if an older trainer has uploaded them beside dataset.json. */
  hash: z.optional(sha256Schema),
  images: z.int().check(z.positive()),
  height: z.int().check(z.positive()),
  width: z.int().check(z.positive()),
  /** 3 for red, green and blue. Missing for grey images. */
  channels: z.optional(z.literal(3)),
  labels: z.array(z.string()),
  files: z.array(fileSchema),
  /** The SHA-256 of the pixels of the first, second, … `images` test images. Missing in test sets of an older trainer. */
  chunks: z.optional(
    z.object({ images: z.int().check(z.positive()), sha256: z.array(sha256Schema) }),
  ),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type Metrics = z.infer<typeof metricsSchema>;
export type TrainingEpoch = z.infer<typeof trainingEpochSchema>;
export type Training = z.infer<typeof trainingSchema>;
export type Alias = z.infer<typeof aliasSchema>;
export type AliasRevision = z.infer<typeof aliasRevisionSchema>;
export type DatasetInfo = z.infer<typeof datasetInfoSchema>;
export type PublishedFile = z.infer<typeof fileSchema>;
