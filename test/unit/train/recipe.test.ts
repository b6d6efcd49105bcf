import { describe, expect, it } from 'vitest';
import { parseSchemaOptions, UsageError } from '../../../node/options.ts';
import { trainOptionsSchema } from '../../../trainer/run/options.ts';
import {
  recipeNamesOf,
  recipeOf as recipeOfNetwork,
  recipes,
  settingsFor,
} from '../../../trainer/train/recipes.ts';

const recipeOf = (raw: Record<string, unknown>) => {
  const options = parseSchemaOptions(trainOptionsSchema, raw);
  const { network = 'auto' } = options;
  return recipeOfNetwork(network === 'auto' ? 'tutorial' : network, options.recipe, options);
};

describe('the recipe from the options', () => {
  it("is the tutorial's by default", () => {
    expect(recipeOf({})).toEqual(recipes.tutorial);
    expect(recipeOf({ recipe: 'best' })).toEqual(recipes.best);
  });

  it("is the network's by default", () => {
    const residual = recipeOf({ network: 'residual' });
    expect(residual).toMatchObject({ optimizer: 'sgd', labelSmoothing: 0.1, flip: true });
    expect(recipeOf({ network: 'residual', recipe: 'residual' })).toEqual(residual);
    const lengths = recipeNamesOf('residual').map(
      (name) => recipeOfNetwork('residual', name, {}).epochs,
    );
    const [usual, fast, best] = lengths as [number, number, number];
    expect(fast).toBeLessThan(usual);
    expect(best).toBeGreaterThan(usual);
  });

  it('of mobilenet fine-tunes some of its blocks', () => {
    const mobilenet = recipeOf({ network: 'mobilenet' });
    expect(mobilenet).toMatchObject({ epochs: 6, optimizer: 'adamw', trainedBlocks: 6, views: 4 });
    const best = recipeOf({ network: 'mobilenet', recipe: 'best', views: '2' });
    expect(best).toEqual({ ...mobilenet, views: 2 });
  });

  it('of mobilenet takes smaller steps of few images', () => {
    const usual = settingsFor('mobilenet', 'fast', 1000, {});
    expect(usual).toEqual({});
    const few = settingsFor('mobilenet', 'fast', 999, { epochs: 2 });
    expect(few).toEqual({ epochs: 2, batchSize: 16, learningRate: 0.0005 });
    expect(settingsFor('mobilenet', 'fast', 100, { batchSize: 8 })).toEqual({ batchSize: 8 });
    expect(settingsFor('tutorial', 'fast', 100, {})).toEqual({});
  });

  it("keeps the recipe's values for omitted options", () => {
    const given = { recipe: 'best', shift: '0', flip: false, learningRate: '0.01' };
    expect(recipeOf(given)).toEqual({ ...recipes.best, shift: 0, flip: false, learningRate: 0.01 });
  });

  it.each([
    ['20%', 0.2],
    ['12.5 %', 0.125],
    ['500', 500],
    [500, 500],
    ['0', 0],
    [0.2, 0.2],
  ])('takes --validation %s', (validation, expected) => {
    expect(recipeOf({ validation }).validation).toBe(expected);
  });

  it('takes --patience without --validation for a folder, which may have validation/', () => {
    expect(recipeOf({ patience: '3', dataset: './photos' }).patience).toBe(3);
  });

  it('shortens its warm-up if fewer epochs are requested', () => {
    expect(recipeOf({ recipe: 'best', epochs: '2' }).warmupEpochs).toBe(0.5);
    expect(recipeOf({ recipe: 'best', epochs: '12' }).warmupEpochs).toBe(2);
    expect(recipeOf({ recipe: 'best', epochs: '2', warmupEpochs: '1' }).warmupEpochs).toBe(1);
  });

  it.each([
    [{ patience: '3' }, '--patience: needs --validation'],
    [
      { network: 'residual', recipe: 'distilled' },
      '--recipe: distilled is not for the network residual, which has residual, fast, best',
    ],
    [{ recipe: 'residual' }, '--recipe: residual is not for the network tutorial'],
    [
      { recipe: 'best', epochs: '2', warmupEpochs: '2' },
      '--warmup-epochs: a warm-up of 2 epochs fills all 2 epochs',
    ],
    [{ validation: '1.5' }, '--validation: use a number of images, or a share such as 20%'],
    [{ validation: '120%' }, '--validation'],
    [{ validation: '-3' }, '--validation'],
    [{ classWeights: 'mine' }, '--class-weights'],
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
