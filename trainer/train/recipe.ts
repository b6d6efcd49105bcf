import * as z from 'zod';

const integer = (description: string, min: number, max = Number.MAX_SAFE_INTEGER) =>
  z.coerce.number().int().min(min).max(max).meta({ description, value: '<n>' });
/** A share of 1, less than all of it. */
const share = (description: string) =>
  z.coerce.number().min(0).lt(1).meta({ description, value: '<x>' });
const oneOf = <const Names extends readonly string[]>(names: Names, description: string) =>
  z.enum(names).meta({ description, value: '<name>' });

/** Turns `20%` into 0.2, which is less than one image, so that a number can be either. */
const shareOfPercent = (value: unknown) =>
  typeof value === 'string' && /^\d{1,2}(\.\d+)?\s?%$/.test(value)
    ? Number.parseFloat(value) / 100
    : value;

/**
 * Everything that determines a training, apart from the data, the seed and the number of threads. Each setting is an
 * option of `catwalk train` and the description its help; numbers may be given as text.
 */
export const recipeSchema = z.object({
  epochs: integer('passes over the training images', 1, 10_000),
  batchSize: integer('images per step, over all threads together', 1, 60_000),
  optimizer: oneOf(
    ['adam', 'adamw', 'sgd'],
    'adam, adamw (weight decay apart from the gradient) or sgd (momentum 0.9)',
  ),
  learningRate: z.coerce
    .number()
    .positive()
    .meta({ description: 'learning rate; the maximum of a schedule', value: '<x>' }),
  weightDecay: z.coerce
    .number()
    .min(0)
    .max(1)
    .meta({ description: 'pulls every weight, but no bias, towards 0', value: '<x>' }),
  schedule: oneOf(
    ['constant', 'cosine'],
    'learning rate after the warm-up: constant, or cosine (falls to 0 at the end)',
  ),
  warmupEpochs: z.coerce
    .number()
    .min(0)
    .meta({ description: 'epochs in which the learning rate rises from 0', value: '<x>' }),
  labelSmoothing: share('share of each target that is spread over all labels'),
  averageDecay: share(
    'test and publish a moving average of the weights with this decay; 0: no average',
  ),
  flip: z
    .boolean()
    .describe(
      'mirror half of the training images, at random; a recipe does so only for fashion-mnist and images in colour',
    ),
  shift: integer(
    'shift each training image at random by up to n pixels each way; behind it is black, or in colour its edge',
    0,
    27,
  ),
  erase: integer('blacken a square of n pixels at a random place of each training image', 0, 28),
  photos: share(
    'share of the training images that are made to look like photos, for data sets like fashion-mnist; 0: none',
  ),
  classWeights: oneOf(
    ['none', 'balanced'],
    'weight of an image in the loss: none (all the same), or balanced (the rarer its label, the more)',
  ),
  validation: z
    .preprocess(shareOfPercent, z.coerce.number().min(0))
    .refine((value) => value < 1 || Number.isInteger(value), {
      error: 'use a number of images, or a share such as 20%',
    })
    .meta({
      description:
        'keep n training images, or a share such as 20%, drawn with the seed, for validation; 0: none, or those in validation/ of a folder of images',
      value: '<n>',
    }),
  trainedBlocks: integer(
    'mobilenet only: the last blocks of its 13 that are trained; 0: only the last layer. The others stay as they are',
    0,
    13,
  ),
  views: integer(
    'mobilenet only: views of each training image that the network sees: as it is, mirrored, and crops',
    1,
    32,
  ),
  patience: integer('stop after n epochs without a better validation accuracy; 0: never', 0),
});

export type Recipe = z.output<typeof recipeSchema>;

/**
 * Returns the settings of a recipe that contradict each other.
 *
 * @param hasValidation whether the data set itself may have validation images
 */
export function contradictions(
  recipe: Recipe,
  hasValidation: boolean,
): { setting: keyof Recipe; message: string }[] {
  const { epochs, warmupEpochs, validation, patience } = recipe;
  const found: { setting: keyof Recipe; message: string }[] = [];
  if (warmupEpochs >= epochs) {
    const message = `a warm-up of ${warmupEpochs} epochs fills all ${epochs} epochs; use a shorter one, or 0`;
    found.push({ setting: 'warmupEpochs', message });
  }
  if (patience > 0 && validation === 0 && !hasValidation) {
    const message =
      'needs --validation, or validation/ in a folder of images: it compares the accuracy on validation images';
    found.push({ setting: 'patience', message });
  }
  return found;
}
