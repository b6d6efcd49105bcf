import { flagOf, UsageError } from '../../node/options.ts';
import type { NetworkName } from '../../shared/model/model-spec.ts';
import type { Dataset } from '../data/dataset.ts';
import { canMirror } from '../data/known-datasets.ts';
import { checkTakesPhotos, photoMean } from '../train/augment-photo.ts';
import { validationCount } from '../train/image-order.ts';
import { contradictions, type Recipe } from '../train/recipe.ts';
import type { RunPlan } from './plan-run.ts';

/**
 * Returns a data set whose models isolate photos and shift their mean, as the recipe expects if it trains for photos.
 *
 * @throws {UsageError} if the recipe needs other images
 */
export function datasetFor({ photos }: Recipe, dataset: Dataset): Dataset {
  if (photos === 0) return dataset;
  checkTakesPhotos(dataset);
  return { ...dataset, background: { kind: 'isolate', mean: photoMean } };
}

/**
 * Returns a recipe with the number of validation images instead of their share. A recipe mirrors no digits or letters, unless asked to.
 *
 * @throws {UsageError} if it needs validation images and there are none
 */
export function recipeFor(
  recipe: Recipe,
  dataset: Dataset,
  given: RunPlan['options'],
  notify: (message: string) => void,
): Recipe {
  const { name, train, validation } = dataset;
  const { limit = train.count } = given;
  const mirrors = recipe.flip && (given.flip || recipe.photos > 0 || canMirror(dataset));
  if (recipe.flip && !mirrors) {
    notify(
      `Images of ${name} are not mirrored: they may be digits or letters. --flip mirrors them.`,
    );
  }
  const [fault] = contradictions(recipe, Boolean(validation));
  if (fault) throw new UsageError(`${flagOf(fault.setting)}: ${fault.message}`);
  const images = Math.min(limit, train.count);
  return {
    ...recipe,
    flip: mirrors,
    validation: validationCount(recipe.validation, images),
  };
}

/**
 * Refuses settings that a network does not use.
 *
 * @throws {UsageError} if images shall be changed at random, whose features are computed only once, or if a network has no
 * features
 */
export function refuseUnusable(recipe: Recipe, network: NetworkName): void {
  if (network === 'mobilenet') {
    const changing = (['flip', 'shift', 'erase', 'photos'] as const).find((name) => recipe[name]);
    if (!changing) return;
    throw new UsageError(
      `${flagOf(changing)}: is not for mobilenet, which sees each image in as many ways as --views says`,
    );
  }
  const setting = recipe.trainedBlocks > 0 ? 'trainedBlocks' : recipe.views > 1 ? 'views' : null;
  if (!setting) return;
  throw new UsageError(`${flagOf(setting)}: is only for mobilenet, and the network is ${network}`);
}
