import * as z from 'zod';
import { count, flag, option, text } from '../../node/options.ts';
import { fitSchema, type NetworkName, networkNames } from '../../shared/model/model-spec.ts';
import { aliasNameSchema } from '../../shared/model/names.ts';
import { weightTypes } from '../../shared/registry/manifest.ts';
import { backendChoices, deviceChoices } from '../backend/backend.ts';
import { colours, maxSide, minSide } from '../data/dataset.ts';
import { isKnownDataset } from '../data/known-datasets.ts';
import {
  bucketUrlSchema,
  connectionOptions,
  signOption,
  unsafeStoreOption,
} from '../registry/bucket-location.ts';
import { contradictions, type Recipe, recipeSchema } from '../train/recipe.ts';
import { recipeFault, recipeNames, recipeNamesOf, recipeOf } from '../train/recipes.ts';

export const defaultTemperature = 4;
export const defaultTeacherWeight = 0.7;

/** Lists the values that a setting has in a network's recipes. */
function defaultsIn(network: NetworkName, setting: keyof Recipe): string {
  const names = recipeNamesOf(network);
  const values = names.map((name) => recipeOf(network, name, {})[setting]);
  if (values.every((value) => value === values[0])) return String(values[0]);
  return names.map((name, i) => `${name} ${values[i]}`).join(', ');
}

/** The settings of a recipe as options. The help lists the default of each recipe. */
const recipeOptions = Object.fromEntries(
  Object.entries(recipeSchema.shape).map(([name, schema]) => {
    const [first, ...others] = (['tutorial', 'mobilenet', 'residual'] as const).map((network) => ({
      network,
      values: defaultsIn(network, name as keyof Recipe),
    }));
    const different = others.filter(({ values }) => values !== first?.values);
    const defaults = [
      first?.values,
      ...different.map(({ network, values }) => `${network}: ${values}`),
    ];
    const description = `${schema.description} (default: ${defaults.join('; ')})`;
    return [name, schema.optional().meta({ ...schema.meta(), description })];
  }),
) as unknown as { [Setting in keyof Recipe]: z.ZodOptional<(typeof recipeSchema.shape)[Setting]> };

/** One number, or one per channel, as `0.485,0.456,0.406`. */
const perChannel = (value: z.ZodCoercedNumber) =>
  z
    .preprocess(
      (given) => (typeof given === 'string' && given.includes(',') ? given.split(',') : given),
      z.union([value, z.tuple([value, value, value])]),
    )
    .optional();

/** Options for the weights of other programs, wherever they are read. */
export const weightsFileOptions = {
  key: option(
    '<a.b>',
    'key of the weights in a checkpoint that has several, such as ema (default: the only one, state_dict, model_state_dict or model)',
    text.optional(),
  ),
  mean: option(
    '<x>',
    'the network in the file was trained with pixels (p / 255 - mean) / std; 0 for pixels in [0, 1]; in colour also one per channel, as 0.485,0.456,0.406 (default: 0.5)',
    perChannel(z.coerce.number().min(-1).max(1)),
  ),
  std: option(
    '<x>',
    'the std of this scale; 1 for pixels in [0, 1] (default: 0.5)',
    perChannel(z.coerce.number().positive().max(10)),
  ),
};

const trainingOptions = z.object({
  recipe: option(
    '<name>',
    "settings to start from: tutorial (those of the PyTorch tutorial), mobilenet or residual (of the network of that name), fast (the least time), best (the highest accuracy), distilled (best, with a teacher that is trained first if --teacher names none), photo (for photos of clothes; needs a data set like fashion-mnist) (default: the network's own)",
    z.enum(recipeNames).optional(),
  ),
  ...recipeOptions,
  dtype: option(
    '<type>',
    'type of the weights that are tested and published: float32, float16 (half the size) or uint8 (a quarter)',
    z.enum(weightTypes).default('float32'),
  ),
  seed: option(
    '<n>',
    'seed of the initial weights, the order and augmentation of the images, and dropout',
    z.coerce.number().int().default(1),
  ),
  backend: option(
    '<name>',
    `backend that computes: ${backendChoices.join(', ')}; auto is the fastest that works`,
    z.enum(backendChoices).default('auto'),
  ),
  device: option(
    '<kind>',
    'processor to use: auto (a GPU if there is one), gpu (fail without one) or cpu',
    z.enum(deviceChoices).default('auto'),
  ),
  threads: option(
    '<n>',
    'worker threads that share each batch (default: one per core)',
    count.max(256).optional(),
  ),
  network: option(
    '<name>',
    'auto; tutorial (688,138 parameters for ten labels of 28x28 grey pixels); wide (twice the channels and units: four times the time; a teacher); mobilenet (MobileNet v1 0.25, trained on a million photos, of which the last layers learn yours) or residual (batch normalization and shortcuts, for large data sets of small pictures) (default: auto: mobilenet for a folder of photos in colour, residual for a large one of small pictures in colour, else tutorial)',
    z.enum(['auto', ...networkNames]).optional(),
  ),
  backbone: option(
    '<folder|url>',
    "layers model with MobileNet's pretrained layers (default: downloaded from the address of TensorFlow.js's examples, and cached)",
    text.optional(),
  ),
  limit: option('<n>', 'train on the first n images only (default: all)', count.optional()),
  dataset: option(
    '<name|folder|s3://…>',
    'data set to train on: fashion-mnist, mnist, kmnist, or a folder of IDX files or of images, here or in a bucket',
    text.default('fashion-mnist'),
  ),
  background: option(
    '<name>',
    "treatment of a picture's background, at training and prediction: invert (light becomes dark), isolate (keep only the object, on black) or keep (default: isolate for fashion-mnist; keep if the borders of a folder's images are mid-grey or depend on the label; else invert)",
    z.enum(['invert', 'isolate', 'keep']).optional(),
  ),
  fit: option(
    '<name>',
    'how a picture of other proportions fits into the square input: contain (all of it), cover (cut off what is too long) or stretch (distort it) (default: contain; stretch for mobilenet)',
    z.enum(fitSchema.options).optional(),
  ),
  colour: option(
    '<name>',
    "what the network sees of a folder's images: rgb or grey (default: rgb if they have colours, else grey)",
    z.enum(colours).optional(),
  ),
  size: option(
    '<n>',
    'side of the square input in pixels, for a folder of images (default: 160 for mobilenet, 224 with --recipe best; else 28 for grey images; for those in colour 64, or 32 if they are small)',
    count.min(minSide).max(maxSide).optional(),
  ),
  dataDir: option(
    '<folder>',
    'folder with the files of fashion-mnist, mnist or kmnist (default: downloaded and cached)',
    text.optional(),
  ),
  skipUnreadable: flag('leave out files in a folder of images that are not images'),
  labelOffset: option(
    '<n>',
    "number of the first label in a folder of IDX files, such as 1 for EMNIST's letters (default: 0)",
    z.coerce.number().int().min(0).max(255).optional(),
  ),
  from: option(
    '<model>',
    "start from the weights of a run's folder, of s3://bucket/prefix/models/<name>/versions/<version>, or of a .pth or .safetensors file (default: random weights)",
    text.optional(),
  ),
  ...weightsFileOptions,
  resume: option(
    '<run>',
    'resume an interrupted run, or train a finished one for more --epochs: its folder, or the bucket that has its checkpoints',
    text.optional(),
  ),
  checkpoint: option(
    '<s3://bucket/prefix>',
    "write checkpoints to this bucket (default: the run's folder)",
    bucketUrlSchema.optional(),
  ),
  checkpointSteps: option('<n>', 'also write a checkpoint every n steps', count.optional()),
  checkpointSeconds: option(
    '<s>',
    'write a checkpoint every s seconds, and after each epoch',
    z.coerce.number().positive().default(30),
  ),
  force: flag('with --publish, move the alias even to a less accurate version'),
});

/** The options that decide when an alias moves, for every command that publishes. */
export const comparisonOptions = {
  margin: option(
    '<x>',
    'move the alias only to a version that is more accurate by at least x, 0 to 1, so that it does not move by chance',
    z.coerce.number().min(0).max(1).default(0),
  ),
  compareOn: option(
    '<set>',
    'images on which the two versions are compared: test, or validation (both must have held back the same ones)',
    z.enum(['test', 'validation']).default('test'),
  ),
};

/** The options that `catwalk train` and `npm start` share. */
export const trainingOptionsSchema = trainingOptions.superRefine(refuseContradictions);

/** All options of `catwalk train`. */
export const trainOptionsSchema = trainingOptions
  .extend({
    publish: option(
      '<s3://bucket/prefix>',
      'publish the model to this bucket at the end, and its earlier epochs as long as the alias names no other model; credentials come from the AWS_… variables',
      bucketUrlSchema.optional(),
    ),
    teacher: option(
      '<model...>',
      'learn from the answers of these models, too: runs, versions, aliases or files, as for --from',
      z.array(text).min(1).optional(),
    ),
    temperature: option(
      '<x>',
      `with --teacher, divides the logits: the higher, the more the unlikely labels count (default: ${defaultTemperature})`,
      z.coerce.number().positive().max(100).optional(),
    ),
    teacherWeight: option(
      '<x>',
      `with --teacher, the teachers' share of the loss, 0 to 1; the labels have the rest (default: ${defaultTeacherWeight})`,
      z.coerce.number().min(0).max(1).optional(),
    ),
    ...connectionOptions,
    ...unsafeStoreOption,
    sign: signOption,
    alias: option(
      '<name>',
      'with --publish, move this alias to the model if it is at least as accurate as the one that it names',
      z.string().pipe(aliasNameSchema).default('production'),
    ),
    ...comparisonOptions,
    runs: option(
      '<folder>',
      'folder of all runs; the new run gets a folder in it',
      text.default('runs'),
    ),
    json: flag('print JSON lines instead of text'),
  })
  .superRefine(refuseContradictions)
  .superRefine(({ teacher, ...options }, context) => {
    for (const setting of ['temperature', 'teacherWeight'] as const) {
      if (options[setting] === undefined || teacher) continue;
      context.addIssue({ code: 'custom', path: [setting], message: 'needs --teacher' });
    }
  });

export type TrainCommandOptions = z.output<typeof trainOptionsSchema>;

function refuseContradictions(
  options: z.output<typeof trainingOptions>,
  context: z.core.$RefinementCtx,
): void {
  const { network: wanted = 'auto' } = options;
  // The images of a folder may lead to another network. Its recipe is checked when they are known.
  const isOpen = wanted === 'auto' && !isKnownDataset(options.dataset);
  const network = wanted === 'auto' ? 'tutorial' : wanted;
  const message = isOpen ? null : recipeFault(network, options.recipe);
  if (message !== null) {
    context.addIssue({ code: 'custom', path: ['recipe'], message });
    return;
  }
  const recipe = recipeOf(network, options.recipe, options);
  for (const { setting, message } of contradictions(recipe, !isKnownDataset(options.dataset))) {
    context.addIssue({ code: 'custom', path: [setting], message });
  }
  if (recipe.photos > 0 && options.background && options.background !== 'isolate') {
    const message =
      '--photos, and so --recipe photo, trains for isolated photos; omit --background';
    context.addIssue({ code: 'custom', path: ['background'], message });
  }
}

/** Options from the environment. GPU container images set CATWALK_DEVICE, so that they fail if there is no GPU. */
export function environmentOptions(
  environment: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const { CATWALK_DEVICE: device } = environment;
  return device ? { device } : {};
}
