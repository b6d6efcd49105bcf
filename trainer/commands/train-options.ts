import * as z from 'zod';
import { aliasNameSchema } from '../../shared/version.ts';
import { backendChoices, deviceChoices } from '../backends/backend.ts';
import { bucketUrlSchema } from '../publish/bucket-location.ts';
import { tutorialRecipe } from '../training/recipe.ts';
import { connectionOptions, signOption } from './bucket-options.ts';

const count = () => z.coerce.number().int().min(1);

/** What decides the weights, and is the same for `catwalk train` and `npm start`. */
export const trainingOptionsSchema = z.object({
  epochs: count()
    .max(10_000)
    .default(tutorialRecipe.epochs)
    .describe('passes over the training images')
    .meta({ value: '<n>' }),
  batchSize: count()
    .max(60_000)
    .default(tutorialRecipe.batchSize)
    .describe('images per step')
    .meta({ value: '<n>' }),
  learningRate: z.coerce
    .number()
    .positive()
    .default(tutorialRecipe.learningRate)
    .describe("Adam's learning rate")
    .meta({ value: '<x>' }),
  seed: z.coerce
    .number()
    .int()
    .default(1)
    .describe('decides first weights, order of the images and dropout')
    .meta({ value: '<n>' }),
  backend: z
    .enum(backendChoices)
    .default('auto')
    .describe(`TensorFlow.js backend: ${backendChoices.join(', ')}`)
    .meta({ value: '<name>' }),
  device: z
    .enum(deviceChoices)
    .default('auto')
    .describe('a GPU where one answers, a GPU or nothing, or the CPU: auto, gpu, cpu')
    .meta({ value: '<kind>' }),
  threads: count()
    .max(256)
    .optional()
    .describe('threads that share each batch (default: one per core)')
    .meta({ value: '<n>' }),
  limit: count().optional().describe('train on the first n images only').meta({ value: '<n>' }),
  dataset: z
    .string()
    .min(1)
    .default('fashion-mnist')
    .describe('what to train on: the name of a known data set')
    .meta({ value: '<name>' }),
  dataDir: z
    .string()
    .min(1)
    .optional()
    .describe('take the data set from this folder')
    .meta({ value: '<folder>' }),
  force: z.boolean().default(false).describe('move the alias even to a less accurate model'),
});

/** Everything that `catwalk train` takes. */
export const trainOptionsSchema = trainingOptionsSchema.extend({
  publish: bucketUrlSchema
    .optional()
    .describe('publish each epoch to this bucket; credentials by the AWS_… variables')
    .meta({ value: '<s3://bucket/prefix>' }),
  ...connectionOptions,
  sign: signOption,
  alias: aliasNameSchema
    .default('production')
    .describe('alias to move to each better version that is published')
    .meta({ value: '<name>' }),
  runs: z
    .string()
    .min(1)
    .default('runs')
    .describe('folder that gets a folder for this run')
    .meta({ value: '<folder>' }),
  json: z.boolean().default(false).describe('print one JSON object a line, for programs'),
});

export type TrainCommandOptions = z.output<typeof trainOptionsSchema>;
