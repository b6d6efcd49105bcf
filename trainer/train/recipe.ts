import * as z from 'zod';

const optimizers = ['adam', 'adamw', 'sgd'] as const;
const schedules = ['constant', 'cosine'] as const;

/** The types in which the weights of a model are written. */
export const weightTypes = ['float32', 'float16'] as const;
export type WeightType = (typeof weightTypes)[number];

const count = () => z.coerce.number().int().min(0);

/**
 * Everything that determines a training, apart from the data, the seed and the number of threads. Each setting is an
 * option of `catwalk train`, so numbers may come as text; the descriptions are the help's.
 */
export const recipeSchema = z.object({
  epochs: count()
    .min(1)
    .max(10_000)
    .describe('passes over the training images')
    .meta({ value: '<n>' }),
  batchSize: count()
    .min(1)
    .max(60_000)
    .describe('images per step, over all threads together')
    .meta({ value: '<n>' }),
  optimizer: z
    .enum(optimizers)
    .describe('adam, adamw (weight decay apart from the gradient) or sgd (momentum 0.9)')
    .meta({ value: '<name>' }),
  learningRate: z.coerce
    .number()
    .positive()
    .describe("the optimizer's learning rate, the highest of a schedule")
    .meta({ value: '<x>' }),
  weightDecay: z.coerce
    .number()
    .min(0)
    .max(1)
    .describe('pulls every weight, but no bias, towards 0')
    .meta({ value: '<x>' }),
  schedule: z
    .enum(schedules)
    .describe('of the learning rate after the warm-up: constant, or cosine (to 0 at the end)')
    .meta({ value: '<name>' }),
  warmupEpochs: z.coerce
    .number()
    .min(0)
    .describe('epochs in which the learning rate rises from 0')
    .meta({ value: '<x>' }),
  labelSmoothing: z.coerce
    .number()
    .min(0)
    .lt(1)
    .describe('share of each target that is spread over all labels')
    .meta({ value: '<x>' }),
  averageDecay: z.coerce
    .number()
    .min(0)
    .lt(1)
    .describe('test and publish a moving average of the weights with this decay; 0: none')
    .meta({ value: '<x>' }),
  flip: z.boolean().describe('mirror every other training image, at random'),
  shift: count()
    .max(27)
    .describe('shift each training image at random by up to n pixels each way')
    .meta({ value: '<n>' }),
  erase: count()
    .max(28)
    .describe('blacken a square of n pixels at a random place of each training image')
    .meta({ value: '<n>' }),
  validation: count()
    .describe('keep n training images, drawn by the seed, for validation; 0: none')
    .meta({ value: '<n>' }),
  patience: count()
    .describe('stop after n epochs without a better validation accuracy; 0: never')
    .meta({ value: '<n>' }),
});

export type Recipe = z.output<typeof recipeSchema>;
export type RecipeName = keyof typeof recipes;

export const recipes = {
  /** PyTorch's Fashion-MNIST tutorial: 91.3 % test accuracy after 5 epochs. */
  tutorial: {
    epochs: 5,
    batchSize: 64,
    optimizer: 'adam',
    learningRate: 0.001,
    weightDecay: 0,
    schedule: 'constant',
    warmupEpochs: 0,
    labelSmoothing: 0,
    averageDecay: 0,
    flip: false,
    shift: 0,
    erase: 0,
    validation: 0,
    patience: 0,
  },
  /**
   * The tutorial's accuracy in the least time: the schedule ends where the training does. Learning rate and smoothing were chosen
   * on validation images: docs/12-how-it-works.md.
   */
  fast: {
    epochs: 3,
    batchSize: 64,
    optimizer: 'adamw',
    learningRate: 0.003,
    weightDecay: 0.02,
    schedule: 'cosine',
    warmupEpochs: 0.3,
    labelSmoothing: 0.05,
    averageDecay: 0,
    flip: false,
    shift: 0,
    erase: 0,
    validation: 0,
    patience: 0,
  },
  /** The same network, trained for longer on images that never repeat. */
  best: {
    epochs: 60,
    batchSize: 128,
    optimizer: 'adamw',
    learningRate: 0.002,
    weightDecay: 0.02,
    schedule: 'cosine',
    warmupEpochs: 2,
    labelSmoothing: 0.1,
    averageDecay: 0.999,
    flip: true,
    shift: 2,
    erase: 0,
    validation: 0,
    patience: 0,
  },
} satisfies Record<string, Recipe>;

export const recipeNames = ['tutorial', 'fast', 'best'] as const satisfies readonly RecipeName[];

/** The largest share of a training that a recipe's own warm-up takes where fewer epochs are asked for. */
const longestWarmupShare = 0.25;

/**
 * A recipe's settings, with those that are given instead of its own. A warm-up that is not given shrinks with the epochs
 * that are, so that a short run of any recipe has one that fits.
 */
export function recipeWith(
  name: RecipeName,
  given: { [Setting in keyof Recipe]?: Recipe[Setting] | undefined },
): Recipe {
  const settings = Object.keys(recipeSchema.shape) as (keyof Recipe)[];
  const own = { ...recipes[name] };
  if (given.epochs !== undefined) {
    own.warmupEpochs = Math.min(own.warmupEpochs, given.epochs * longestWarmupShare);
  }
  const chosen = settings.map((setting) => [setting, given[setting] ?? own[setting]]);
  return Object.fromEntries(chosen) as Recipe;
}

/** @returns what is senseless about a recipe, by setting */
export function contradictions(recipe: Recipe): { setting: keyof Recipe; message: string }[] {
  const { epochs, warmupEpochs, validation, patience } = recipe;
  const found: { setting: keyof Recipe; message: string }[] = [];
  if (warmupEpochs >= epochs) {
    const message = `a warm-up of ${warmupEpochs} epochs leaves nothing of ${epochs}; take fewer, or 0`;
    found.push({ setting: 'warmupEpochs', message });
  }
  if (patience > 0 && validation === 0) {
    const message =
      'needs --validation: the accuracy that it waits for is that of validation images';
    found.push({ setting: 'patience', message });
  }
  return found;
}
