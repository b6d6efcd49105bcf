import { UsageError } from '../../node/options.ts';
import { type NetworkName, networkNames } from '../../shared/model/model-spec.ts';
import type { ImageSample, PictureDefaults } from '../data/dataset.ts';
import { datasetName, knownBackground } from '../data/known-datasets.ts';
import { type RecipeName, recipeFault, recipeNamesOf } from '../train/recipes.ts';
import type { TrainCommandOptions } from './options.ts';

export interface NetworkChoice {
  network: NetworkName;
  /** Why, for people; null if there is nothing to say. */
  reason: string | null;
}

type ChoiceOptions = Pick<
  TrainCommandOptions,
  'dataset' | 'network' | 'recipe' | 'colour' | 'size' | 'background' | 'fit'
>;

/** Pictures with a longer side of more pixels are photos, not icons. */
const maxSmallSide = 48;
/** With fewer images, batch normalization and depth gain little. */
const minResidualImages = 5000;
/** With less, MobileNet sees too little of a photo. */
const minMobilenetSide = 96;
/** Sides of its input. */
const photoSide = 160;
const largePhotoSide = 224;

/**
 * Chooses the network for a folder of images.
 *
 * @param sample of the training images
 * @param images their number
 * @throws {UsageError} if the options contradict the network that they name
 */
export function chooseNetwork(
  sample: ImageSample,
  images: number,
  options: ChoiceOptions,
): NetworkChoice {
  const { network, recipe } = options;
  if (network !== undefined && network !== 'auto') {
    refuseContradictions(network, options);
    return { network, reason: null };
  }
  const side = Math.max(sample.sizes?.median.width ?? 0, sample.sizes?.median.height ?? 0);
  const because = (chosen: NetworkName, reason: string): NetworkChoice => ({
    network: chosen,
    reason: `The network is ${chosen}: ${reason}. --network chooses another.`,
  });
  if (recipe !== undefined && recipe !== 'fast' && recipe !== 'best') {
    const own = networkNames.find((name) => recipeNamesOf(name).includes(recipe)) ?? 'tutorial';
    return because(own, `the recipe ${recipe} is for it`);
  }
  if (isGrey(sample, options)) return because('tutorial', 'the images are grey');
  if (side <= maxSmallSide) {
    return images < minResidualImages
      ? because('tutorial', 'the images are small and few')
      : because('residual', 'the images are small, in colour and many');
  }
  if (options.size !== undefined && options.size < minMobilenetSide) {
    return because('tutorial', `it sees ${options.size}x${options.size} pixels`);
  }
  return because('mobilenet', 'photos in colour, and it has seen a million others before');
}

/** The default network of data sets that are not folders of images. */
export function defaultNetwork(options: ChoiceOptions): NetworkChoice {
  const { network = 'auto' } = options;
  if (network !== 'auto') refuseContradictions(network, options);
  return { network: network === 'auto' ? 'tutorial' : network, reason: null };
}

/** Returns how a network's pictures are read, unless the options say something else. */
export function defaultsOf(network: NetworkName, recipe: RecipeName | undefined): PictureDefaults {
  if (network !== 'mobilenet') return {};
  const size = recipe === 'best' ? largePhotoSide : photoSide;
  // All of the picture, without bars: it was trained on pictures that fill the square.
  return { colour: 'rgb', fit: 'stretch', size };
}

const isGrey = (
  { isColourful }: ImageSample,
  { dataset, colour, background }: ChoiceOptions,
): boolean =>
  colour === 'grey' ||
  background === 'isolate' ||
  knownBackground(datasetName(dataset)) !== undefined ||
  (!isColourful && colour !== 'rgb');

/** @throws {UsageError} */
function refuseContradictions(network: NetworkName, { recipe, colour }: ChoiceOptions): void {
  const fault = recipeFault(network, recipe);
  if (fault !== null) throw new UsageError(`--recipe: ${fault}`);
  if (network === 'mobilenet' && colour === 'grey') {
    throw new UsageError('--colour: mobilenet sees colours; leave out --colour grey');
  }
}
