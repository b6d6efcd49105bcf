import * as z from 'zod';
import { aliasNameSchema } from '../../shared/model/names.ts';
import { backendChoices, deviceChoices } from '../backend/backend.ts';
import { bucketUrlSchema, connectionOptions, signOption } from '../registry/bucket-location.ts';
import {
  contradictions,
  type Recipe,
  recipeNames,
  recipeSchema,
  recipes,
  recipeWith,
  weightTypes,
} from '../train/recipe.ts';

const count = () => z.coerce.number().int().min(1);

/** The settings of a recipe as options. The help lists the default of each recipe. */
const recipeOptions = Object.fromEntries(
  Object.entries(recipeSchema.shape).map(([name, schema]) => {
    const values = recipeNames.map((recipe) => recipes[recipe][name as keyof Recipe]);
    const [first] = values;
    const defaults = values.every((value) => value === first)
      ? String(first)
      : recipeNames.map((recipe, i) => `${recipe} ${values[i]}`).join(', ');
    const option = schema.optional().describe(`${schema.description} (default: ${defaults})`);
    return [name, option.meta({ ...schema.meta(), description: option.description })];
  }),
) as unknown as { [Setting in keyof Recipe]: z.ZodOptional<(typeof recipeSchema.shape)[Setting]> };

const trainingOptions = z.object({
  recipe: z
    .enum(recipeNames)
    .default('tutorial')
    .describe(
      'settings to start from: tutorial (those of the PyTorch tutorial), fast (the same accuracy in the least time), best (the highest accuracy)',
    )
    .meta({ value: '<name>' }),
  ...recipeOptions,
  dtype: z
    .enum(weightTypes)
    .default('float32')
    .describe('type of the weights that are tested and published: float32 or float16')
    .meta({ value: '<type>' }),
  seed: z.coerce
    .number()
    .int()
    .default(1)
    .describe('seed of the initial weights, the order and augmentation of the images, and dropout')
    .meta({ value: '<n>' }),
  backend: z
    .enum(backendChoices)
    .default('auto')
    .describe(`TensorFlow.js backend: ${backendChoices.join(', ')}; auto is the fastest that works`)
    .meta({ value: '<name>' }),
  device: z
    .enum(deviceChoices)
    .default('auto')
    .describe('processor to use: auto (a GPU if there is one), gpu (fail without one) or cpu')
    .meta({ value: '<kind>' }),
  threads: count()
    .max(256)
    .optional()
    .describe('worker threads that share each batch (default: one per core)')
    .meta({ value: '<n>' }),
  limit: count()
    .optional()
    .describe('train on the first n images only (default: all)')
    .meta({ value: '<n>' }),
  dataset: z
    .string()
    .min(1)
    .default('fashion-mnist')
    .describe(
      'data set to train on: fashion-mnist, mnist, kmnist, or a folder of IDX files or of images',
    )
    .meta({ value: '<name|folder>' }),
  dataDir: z
    .string()
    .min(1)
    .optional()
    .describe(
      'folder with the files of fashion-mnist, mnist or kmnist (default: downloaded and cached)',
    )
    .meta({ value: '<folder>' }),
  resume: z
    .string()
    .min(1)
    .optional()
    .describe('resume an interrupted run: its folder, or the bucket that has its checkpoints')
    .meta({ value: '<run>' }),
  checkpoint: bucketUrlSchema
    .optional()
    .describe("write checkpoints to this bucket (default: the run's folder)")
    .meta({ value: '<s3://bucket/prefix>' }),
  checkpointSteps: count()
    .optional()
    .describe('also write a checkpoint every n steps')
    .meta({ value: '<n>' }),
  checkpointSeconds: z.coerce
    .number()
    .positive()
    .default(30)
    .describe('write a checkpoint every s seconds, and after each epoch')
    .meta({ value: '<s>' }),
  force: z
    .boolean()
    .default(false)
    .describe('with --publish, move the alias even to a less accurate version'),
});

/** The options that `catwalk train` and `npm start` share. */
export const trainingOptionsSchema = trainingOptions.superRefine(refuseContradictions);

/** All options of `catwalk train`. */
export const trainOptionsSchema = trainingOptions
  .extend({
    publish: bucketUrlSchema
      .optional()
      .describe('publish each epoch to this bucket; credentials come from the AWS_… variables')
      .meta({ value: '<s3://bucket/prefix>' }),
    ...connectionOptions,
    sign: signOption,
    alias: z
      .string()
      .pipe(aliasNameSchema)
      .default('production')
      .describe('with --publish, move this alias to each version that is at least as accurate')
      .meta({ value: '<name>' }),
    runs: z
      .string()
      .min(1)
      .default('runs')
      .describe('folder of all runs; the new run gets a folder in it')
      .meta({ value: '<folder>' }),
    json: z.boolean().default(false).describe('print JSON lines instead of text'),
  })
  .superRefine(refuseContradictions);

export type TrainCommandOptions = z.output<typeof trainOptionsSchema>;

function refuseContradictions(
  options: z.output<typeof trainingOptions>,
  context: z.core.$RefinementCtx,
): void {
  for (const { setting, message } of contradictions(recipeWith(options.recipe, options))) {
    context.addIssue({ code: 'custom', path: [setting], message });
  }
}

/** Options from the environment. GPU container images set CATWALK_DEVICE, so that they fail if there is no GPU. */
export function environmentOptions(
  environment: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const { CATWALK_DEVICE: device } = environment;
  return device ? { device } : {};
}
