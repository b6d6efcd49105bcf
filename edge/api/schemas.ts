import * as z from 'zod/mini';
import {
  indexedPredictionSchema,
  predictionSchema,
  servedModelSchema,
} from '../../shared/model/prediction.ts';
import { aliasNameSchema, versionSchema } from '../../shared/registry/bucket-layout.ts';
import { feedbackAnswerSchema, feedbackRequestSchema } from '../../shared/registry/feedback.ts';
import { aliasSchema, manifestSchema } from '../../shared/registry/manifest.ts';
import { modelListSchema } from '../../shared/registry/model-list.ts';
import { type ProblemCode, problems } from '../errors.ts';

const codes = Object.keys(problems) as [ProblemCode, ...ProblemCode[]];

/** The body of an error (RFC 9457). */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int().check(z.minimum(400), z.maximum(599)),
  detail: z.string(),
  /** What a program decides by; it never changes for the same fault. */
  code: z.enum(codes),
  /** The request's id, as in the answer's X-Request-Id and the Worker's log; not where the problem is an image's in a list. */
  instance: z.optional(z.string()),
});

/** The answer of GET /predict. */
export const indexedAnswerSchema = z.extend(indexedPredictionSchema, { model: servedModelSchema });

/** The answer of POST /predict to one image. */
export const predictedAnswerSchema = z.extend(predictionSchema, { model: servedModelSchema });

/** The answer of POST /predict to several: an image that could not be read has its problem in its place. */
export const predictionsSchema = z.object({
  predictions: z.array(z.union([predictionSchema, z.object({ error: problemSchema })])),
  model: servedModelSchema,
});

/** An image as 28x28 numbers, flat or as rows, all within 0..1 or else within 0..255. */
export const pixelsSchema = z.union([
  z.array(z.number().check(z.minimum(0), z.maximum(255))),
  z.array(z.array(z.number().check(z.minimum(0), z.maximum(255)))),
]);

/** An image in JSON: its pixels, or a file as base64 or data URL. */
export const jsonImageSchema = z.union([
  z.string(),
  pixelsSchema,
  z.object({ pixels: pixelsSchema }),
  z.object({ image: z.string() }),
]);

/** The JSON that POST /predict takes. */
export const postedJsonSchema = z.union([
  jsonImageSchema,
  z.object({ images: z.array(jsonImageSchema).check(z.minLength(1), z.maxLength(64)) }),
]);

/** The answer of GET /model. */
export const servedManifestSchema = z.object({
  /** Null where the version was asked for by itself. */
  alias: z.nullable(
    z.extend(z.pick(aliasSchema, { version: true, updatedAt: true, previous: true }), {
      name: aliasNameSchema,
    }),
  ),
  manifest: manifestSchema,
});

const loadFailureSchema = z.nullable(
  z.object({
    version: z.nullable(versionSchema),
    code: z.enum(codes),
    detail: z.string(),
    attempts: z.int().check(z.positive()),
    retryAt: z.iso.datetime(),
  }),
);

const healthReport = {
  failure: loadFailureSchema,
  /** Where a share of the requests is a canary's. */
  canary: z.optional(z.object({ alias: aliasNameSchema, failure: loadFailureSchema })),
  /** The least recently used first. */
  versionsInMemory: z.array(versionSchema),
};

/** The answer of GET /readyz where a model is served. */
export const readySchema = z.object({
  status: z.literal('ready'),
  model: servedModelSchema,
  ...healthReport,
});

/** The answer of GET /readyz where none is. */
export const notReadySchema = z.extend(problemSchema, healthReport);

export const liveSchema = z.object({ status: z.literal('ok') });

/** What the document calls each schema that stands in several places, or is worth a name. */
export const namedSchemas = {
  Problem: problemSchema,
  IndexedPrediction: indexedAnswerSchema,
  PredictionOfImage: predictedAnswerSchema,
  PredictionsOfImages: predictionsSchema,
  Prediction: predictionSchema,
  ServedModel: servedModelSchema,
  Pixels: pixelsSchema,
  JsonImage: jsonImageSchema,
  PostedImages: postedJsonSchema,
  ServedManifest: servedManifestSchema,
  Manifest: manifestSchema,
  Models: modelListSchema,
  Ready: readySchema,
  NotReady: notReadySchema,
  Feedback: feedbackRequestSchema,
  FeedbackAnswer: feedbackAnswerSchema,
};

const share = z.nullable(z.number().check(z.minimum(0), z.maximum(1)));

/** The answer of GET /drift. */
export const driftSchema = z.object({
  model: servedModelSchema,
  /** Posted to this isolate and predicted by this version. */
  images: z.int().check(z.nonnegative()),
  /** Shares of the posted images and of the test set; null where there are none. */
  labels: z.array(z.object({ id: z.int(), label: z.string(), observed: share, expected: share })),
  /** Mean probability of the predicted label. */
  confidence: z.object({ observed: share, expected: share }),
  /** `byChance` is what it exceeds in 5 % of samples of this size where nothing has changed. */
  populationStabilityIndex: z.nullable(
    z.object({ value: z.number().check(z.nonnegative()), byChance: z.number() }),
  ),
  drifted: z.nullable(z.boolean()),
});
