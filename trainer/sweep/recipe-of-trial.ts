import { trainOptionsSchema } from '../commands/train-options.ts';
import { type Recipe, recipes, recipeWith } from '../training/recipe.ts';
import type { Sweep } from './sweep-records.ts';

/** A trial's recipe, for its progress; any recipe where the trial is misconfigured, as it then makes none. */
export function recipeOfTrial(sweep: Sweep, index: number): Recipe {
  const options = { ...sweep.options, ...sweep.trials[index]?.parameters };
  const parsed = trainOptionsSchema.safeParse(options);
  return parsed.success ? recipeWith(parsed.data.recipe, parsed.data) : recipes.tutorial;
}
