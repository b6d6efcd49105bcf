import type { NetworkName } from '../../shared/model/model-spec.ts';
import { type Recipe, recipeSchema } from './recipe.ts';

export const recipeNames = [
  'tutorial',
  'mobilenet',
  'residual',
  'fast',
  'best',
  'distilled',
  'photo',
] as const;
export type RecipeName = (typeof recipeNames)[number];

const tutorial: Recipe = {
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
  photos: 0,
  classWeights: 'none',
  validation: 0,
  trainedBlocks: 0,
  views: 1,
  patience: 0,
};

/** The same network, trained for longer on images that never repeat. */
const best: Recipe = {
  ...tutorial,
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
};

/** The recipes of the tutorial's network. */
export const recipes = {
  /** PyTorch's Fashion-MNIST tutorial: 91.3 % test accuracy after 5 epochs. */
  tutorial,
  /**
   * The tutorial's accuracy in the shortest time: the schedule ends with the training. Learning rate and smoothing were
   * chosen on validation images (docs/12-how-it-works.md).
   */
  fast: {
    ...tutorial,
    epochs: 3,
    optimizer: 'adamw',
    learningRate: 0.003,
    weightDecay: 0.02,
    schedule: 'cosine',
    warmupEpochs: 0.3,
    labelSmoothing: 0.05,
  },
  best,
  /** The same with a teacher, whose answers replace the smoothed labels. */
  distilled: { ...best, labelSmoothing: 0 },
  /** For photos: most training images are turned, lit, masked and laid on textures as photos are. */
  photo: {
    ...tutorial,
    epochs: 20,
    batchSize: 128,
    optimizer: 'adamw',
    learningRate: 0.002,
    weightDecay: 0.02,
    schedule: 'cosine',
    warmupEpochs: 1,
    labelSmoothing: 0.05,
    averageDecay: 0.999,
    flip: true,
    shift: 1,
    photos: 0.6,
  },
} satisfies Partial<Record<RecipeName, Recipe>>;

/**
 * Stochastic gradient descent, whose learning rate rises and falls once (Smith & Topin 2018, arXiv:1708.07120). Few epochs need little
 * augmentation (docs/12-how-it-works.md).
 */
const residual: Recipe = {
  ...tutorial,
  epochs: 22,
  batchSize: 128,
  optimizer: 'sgd',
  learningRate: 0.1,
  weightDecay: 5e-4,
  schedule: 'cosine',
  warmupEpochs: 4,
  labelSmoothing: 0.1,
  flip: true,
  shift: 2,
};

/** Fine-tunes the last blocks of a network that was trained on other photos. */
const mobilenet: Recipe = {
  ...tutorial,
  epochs: 6,
  optimizer: 'adamw',
  weightDecay: 0.05,
  schedule: 'cosine',
  warmupEpochs: 0.6,
  labelSmoothing: 0.1,
  averageDecay: 0.99,
  trainedBlocks: 6,
  views: 4,
};

/** The recipes of each network. The first is its default. */
const networkRecipes: Record<NetworkName, Partial<Record<RecipeName, Recipe>>> = {
  tutorial: recipes,
  wide: recipes,
  residual: {
    residual,
    fast: { ...residual, epochs: 11, warmupEpochs: 2 },
    best: { ...residual, epochs: 44, warmupEpochs: 8 },
  },
  mobilenet: {
    mobilenet,
    /** Few blocks, epochs and views. */
    fast: {
      ...mobilenet,
      epochs: 3,
      learningRate: 0.002,
      warmupEpochs: 0.3,
      averageDecay: 0,
      trainedBlocks: 4,
      views: 2,
    },
    best: { ...mobilenet, views: 8 },
  },
};

/** Returns the names of a network's recipes. The first is its default. */
export const recipeNamesOf = (network: NetworkName) =>
  Object.keys(networkRecipes[network]) as [RecipeName, ...RecipeName[]];

/** Returns why a network has no such recipe; null if it has. */
export function recipeFault(network: NetworkName, name: RecipeName | undefined): string | null {
  const names = recipeNamesOf(network);
  if (name === undefined || names.includes(name)) return null;
  return `${name} is not for the network ${network}, which has ${names.join(', ')}`;
}

/** Returns a recipe of a network (default: its first), with some of its settings replaced. */
export function recipeOf(
  network: NetworkName,
  name: RecipeName | undefined,
  given: RecipeSettings,
): Recipe {
  const own = networkRecipes[network];
  const [standard] = recipeNamesOf(network);
  return adjusted(own[name ?? standard] ?? recipes.tutorial, given);
}

/** With fewer, an epoch of MobileNet's usual batches has too few steps: each would have to be so large that it spoils pretrained layers. */
const minUsualImages = 1000;

/** Returns the settings for so many training images: MobileNet takes smaller batches and steps of few, unless either is given. */
export function settingsFor(
  network: NetworkName,
  name: RecipeName | undefined,
  images: number,
  given: RecipeSettings,
): RecipeSettings {
  const isGiven = given.batchSize !== undefined || given.learningRate !== undefined;
  if (network !== 'mobilenet' || images >= minUsualImages || isGiven) return given;
  const { batchSize, learningRate } = recipeOf(network, name, {});
  return { ...given, batchSize: batchSize / 4, learningRate: learningRate / 4 };
}

/** A recipe's warm-up takes at most this share of a training with fewer epochs. */
const maxWarmupShare = 0.25;

type RecipeSettings = { [Setting in keyof Recipe]?: Recipe[Setting] | undefined };

/**
 * Returns a recipe with some of its settings replaced. Unless the warm-up is given, it shrinks with the epochs, so that it
 * fits into a short run.
 */
function adjusted(recipe: Recipe, given: RecipeSettings): Recipe {
  const settings = Object.keys(recipeSchema.shape) as (keyof Recipe)[];
  const own = { ...recipe };
  if (given.epochs !== undefined) {
    own.warmupEpochs = Math.min(own.warmupEpochs, given.epochs * maxWarmupShare);
  }
  const chosen = settings.map((setting) => [setting, given[setting] ?? own[setting]]);
  return Object.fromEntries(chosen) as Recipe;
}
