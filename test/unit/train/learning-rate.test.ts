import { expect, it } from 'vitest';
import { learningRateAt } from '../../../trainer/train/optimizer.ts';

const schedule = (changes: object) => {
  const recipe = { learningRate: 0.1, schedule: 'cosine', warmupEpochs: 2, epochs: 6, ...changes };
  return Array.from({ length: 60 }, (_, step) =>
    learningRateAt(recipe as Parameters<typeof learningRateAt>[0], step, 10),
  );
};

it('rises linearly, then falls along a cosine', () => {
  const rates = schedule({});
  expect(rates[0]).toBeCloseTo(0.1 / 20, 12);
  expect(rates[9]).toBeCloseTo(0.05, 12);
  expect(rates[19]).toBeCloseTo(0.1, 12);
  expect(rates[20]).toBeCloseTo(0.1, 12);
  expect(rates[40]).toBeCloseTo(0.05, 12);
  expect(rates[59]).toBeGreaterThan(0);
  expect(rates[59]).toBeLessThan(2e-4);
});

it('stays constant if configured', () => {
  expect(new Set(schedule({ schedule: 'constant', warmupEpochs: 0 }))).toEqual(new Set([0.1]));
  expect(schedule({ schedule: 'constant' }).slice(20)).toEqual(Array(40).fill(0.1));
});

it('accepts a fraction of an epoch as warm-up', () => {
  const rates = schedule({ warmupEpochs: 0.25 });
  expect(Math.max(...rates)).toBeLessThanOrEqual(0.1);
  expect(rates[0]).toBeCloseTo(0.04, 12);
});
