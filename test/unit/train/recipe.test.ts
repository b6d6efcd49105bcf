import { describe, expect, it } from 'vitest';
import { parseSchemaOptions, UsageError } from '../../../node/options.ts';
import { trainOptionsSchema } from '../../../trainer/run/options.ts';
import { recipes, recipeWith } from '../../../trainer/train/recipe.ts';

const recipeOf = (raw: Record<string, unknown>) => {
  const options = parseSchemaOptions(trainOptionsSchema, raw);
  return recipeWith(options.recipe, options);
};

describe('the recipe from the options', () => {
  it("is the tutorial's by default", () => {
    expect(recipeOf({})).toEqual(recipes.tutorial);
    expect(recipeOf({ recipe: 'best' })).toEqual(recipes.best);
  });

  it("keeps the recipe's values for omitted options", () => {
    const given = { recipe: 'best', shift: '0', flip: false, learningRate: '0.01' };
    expect(recipeOf(given)).toEqual({ ...recipes.best, shift: 0, flip: false, learningRate: 0.01 });
  });

  it('shortens its warm-up if fewer epochs are requested', () => {
    expect(recipeOf({ recipe: 'best', epochs: '2' }).warmupEpochs).toBe(0.5);
    expect(recipeOf({ recipe: 'best', epochs: '12' }).warmupEpochs).toBe(2);
    expect(recipeOf({ recipe: 'best', epochs: '2', warmupEpochs: '1' }).warmupEpochs).toBe(1);
  });

  it.each([
    [{ patience: '3' }, '--patience: needs --validation'],
    [
      { recipe: 'best', epochs: '2', warmupEpochs: '2' },
      '--warmup-epochs: a warm-up of 2 epochs fills all 2 epochs',
    ],
    [{ erase: '29' }, '--erase'],
    [{ shift: '28' }, '--shift'],
    [{ optimizer: 'lion' }, '--optimizer'],
    [{ labelSmoothing: '1' }, '--label-smoothing'],
    [{ averageDecay: '-0.1' }, '--average-decay'],
    [{ weightDecay: 'much' }, '--weight-decay'],
    [{ dtype: 'int8' }, '--dtype'],
    [{ photos: '1' }, '--photos'],
    [{ recipe: 'photo', background: 'keep' }, '--background: --photos, and so --recipe photo'],
    [{ recipe: 'worst' }, '--recipe'],
  ])('refuses %j', (raw, message) => {
    expect(() => recipeOf(raw)).toThrow(UsageError);
    expect(() => recipeOf(raw)).toThrow(message);
  });
});
