import * as z from 'zod';
import { aliasNameSchema } from '../../shared/registry/bucket-layout.ts';
import { backendChoices, deviceChoices } from '../backend/backend.ts';
import { bucketUrlSchema, connectionOptions, signOption } from '../registry/bucket-location.ts';
import { weightTypes } from '../train/master-model.ts';
import {
  contradictions,
  type Recipe,
  recipeNames,
  recipeSchema,
  recipes,
  recipeWith,
} from '../train/recipe.ts';

const count = () => z.coerce.number().int().min(1);

/** The settings of a recipe as options: the recipe gives what is left out, and the help says what that is. */
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
      "tutorial: PyTorch's own; fast: its accuracy in the least time; best: the most accurate",
    )
    .meta({ value: '<name>' }),
  ...recipeOptions,
  dtype: z
    .enum(weightTypes)
    .default('float32')
    .describe('of the weights that are tested and published: float32, float16')
    .meta({ value: '<type>' }),
  seed: z.coerce
    .number()
    .int()
    .default(1)
    .describe('decides first weights, order and changes of the images, and dropout')
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
    .describe(
      'what to train on: fashion-mnist, mnist, kmnist, or a folder of IDX files or of images',
    )
    .meta({ value: '<name|folder>' }),
  dataDir: z
    .string()
    .min(1)
    .optional()
    .describe('where the files of fashion-mnist, mnist or kmnist lie (default: fetched)')
    .meta({ value: '<folder>' }),
  resume: z
    .string()
    .min(1)
    .optional()
    .describe('go on with an interrupted run: its folder, or the bucket of its checkpoints')
    .meta({ value: '<run>' }),
  checkpoint: bucketUrlSchema
    .optional()
    .describe("keep checkpoints in this bucket instead of the run's folder")
    .meta({ value: '<s3://bucket/prefix>' }),
  checkpointSteps: count()
    .optional()
    .describe('take a checkpoint every n steps, too')
    .meta({ value: '<n>' }),
  checkpointSeconds: z.coerce
    .number()
    .positive()
    .default(30)
    .describe('take a checkpoint every so many seconds, and after each epoch')
    .meta({ value: '<s>' }),
  force: z.boolean().default(false).describe('move the alias even to a less accurate model'),
});

/** What decides the weights, and is the same for `catwalk train` and `npm start`. */
export const trainingOptionsSchema = trainingOptions.superRefine(refuseContradictions);

/** Everything that `catwalk train` takes. */
export const trainOptionsSchema = trainingOptions
  .extend({
    publish: bucketUrlSchema
      .optional()
      .describe('publish each epoch to this bucket; credentials by the AWS_… variables')
      .meta({ value: '<s3://bucket/prefix>' }),
    ...connectionOptions,
    sign: signOption,
    alias: z
      .string()
      .pipe(aliasNameSchema)
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

/** A container image for GPUs sets CATWALK_DEVICE, so that it fails where it finds none; options go before it. */
export function imageOptions(environment: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const { CATWALK_DEVICE: device } = environment;
  return device ? { device } : {};
}
