import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { trialIndex } from '../../../trainer/sweep/open-sweep.ts';
import { readSweepFile, trialParameters } from '../../../trainer/sweep/sweep-file.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-sweep-file-'));
});
afterAll(() => rm(folder, { recursive: true }));

const grid = {
  name: 'sizes',
  search: 'grid',
  options: { recipe: 'best', epochs: 2, validation: 5000 },
  parameters: { batchSize: [64, 128], shift: { min: 0, max: 2, step: 1 } },
};
const random = {
  ...grid,
  search: 'random',
  trials: 4,
  parameters: { learningRate: { min: 0.0001, max: 0.01, scale: 'log' }, flip: [true, false] },
};

async function read(content: unknown) {
  const file = join(folder, 'sweep.yaml');
  await writeFile(file, typeof content === 'string' ? content : stringify(content));
  return readSweepFile(file);
}

describe('the trials of a sweep', () => {
  it('are every combination of a grid', async () => {
    expect(trialParameters(await read(grid))).toEqual([
      { batchSize: 64, shift: 0 },
      { batchSize: 64, shift: 1 },
      { batchSize: 64, shift: 2 },
      { batchSize: 128, shift: 0 },
      { batchSize: 128, shift: 1 },
      { batchSize: 128, shift: 2 },
    ]);
  });

  it('are drawn from the seed, whatever else the file contains', async () => {
    const four = trialParameters(await read(random));
    expect(four).toHaveLength(4);
    for (const { learningRate } of four) {
      expect(learningRate).toBeGreaterThanOrEqual(0.0001);
      expect(learningRate).toBeLessThanOrEqual(0.01);
    }
    expect(trialParameters(await read({ ...random, trials: 9 })).slice(0, 4)).toEqual(four);
    const further = { ...random.parameters, shift: [0, 1] };
    const withShift = trialParameters(await read({ ...random, parameters: further }));
    expect(withShift.map(({ shift: _, ...rest }) => rest)).toEqual(four);
    expect(trialParameters(await read({ ...random, seed: 2 }))).not.toEqual(four);
  });

  it('are spread evenly over a log scale', async () => {
    const many = trialParameters(await read({ ...random, trials: 1000 }));
    const small = many.filter(({ learningRate }) => Number(learningRate) < 0.001).length;
    expect(small).toBeGreaterThan(440);
    expect(small).toBeLessThan(560);
  });
});

describe('an invalid sweep file is refused', () => {
  it.each([
    ['no YAML', 'a: [', 'cannot read'],
    ['an unknown option', { ...grid, options: { ...grid.options, lr: 1 } }, 'lr is not an option'],
    ['an option of its own', { ...grid, options: { ...grid.options, resume: 'x' } }, 'resume'],
    ['no validation images', { ...grid, options: {} }, 'number of validation images'],
    ['a parameter twice', { ...grid, parameters: { epochs: [1, 2] } }, 'also among the options'],
    [
      'a grid over any number',
      { ...grid, parameters: { shift: { min: 0, max: 2 } } },
      'a list of values or have a step',
    ],
    ['a random search of no length', { ...random, trials: undefined }, 'the number of trials'],
    ['a bad name', { ...grid, name: '../x' }, 'the letters a to z'],
    ['a key of another tool', { ...grid, method: 'bayes' }, 'method'],
    [
      'a log scale from 0',
      { ...random, parameters: { learningRate: { min: 0, max: 1, scale: 'log' } } },
      'min greater than 0',
    ],
    [
      'too many trials',
      {
        ...grid,
        parameters: Object.fromEntries(
          ['batchSize', 'seed', 'epochs'].map((name) => [name, Array.from(Array(30).keys())]),
        ),
        options: { validation: 5 },
      },
      'more than 10000 trials',
    ],
  ])('with %s', async (_, content, message) => {
    await expect(read(content)).rejects.toThrow(message);
  });
});

describe('the index of a trial', () => {
  it.each([
    [undefined, { JOB_COMPLETION_INDEX: '3' }, 3],
    [undefined, { AWS_BATCH_JOB_ARRAY_INDEX: '0' }, 0],
    [5, { JOB_COMPLETION_INDEX: '3' }, 5],
  ])('%s and %j: %i', (given, environment, index) => {
    expect(trialIndex(given, environment)).toBe(index);
  });

  it('is required, and refused if it is not a number', () => {
    expect(() => trialIndex(undefined, {})).toThrow('--local');
    expect(() => trialIndex(undefined, { JOB_COMPLETION_INDEX: 'x' })).toThrow('not a trial index');
  });
});
