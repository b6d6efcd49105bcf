import { describe, expect, it } from 'vitest';
import { parseSchemaOptions } from '../../../node/options.ts';
import type { ImageSample } from '../../../trainer/data/dataset.ts';
import { chooseNetwork, defaultsOf } from '../../../trainer/run/choose-network.ts';
import { trainOptionsSchema } from '../../../trainer/run/options.ts';

const sampleOf = (width: number, height: number, isColourful = true): ImageSample => ({
  isColourful,
  sizes: {
    smallest: { width: 8, height: 8 },
    median: { width, height },
    largest: { width: 4000, height: 3000 },
  },
});
const choose = (sample: ImageSample, given: Record<string, unknown> = {}, images = 3000) =>
  chooseNetwork(
    sample,
    images,
    parseSchemaOptions(trainOptionsSchema, { dataset: './things', ...given }),
  );

describe('the network for a folder of images', () => {
  it.each([
    ['mobilenet', /photos in colour/, sampleOf(400, 533), {}],
    ['mobilenet', /photos in colour/, sampleOf(400, 533, false), { colour: 'rgb' }],
    ['tutorial', /grey/, sampleOf(400, 533, false), {}],
    ['tutorial', /grey/, sampleOf(400, 533), { colour: 'grey' }],
    ['tutorial', /grey/, sampleOf(400, 533), { dataset: './fashion-mnist' }],
    ['tutorial', /grey/, sampleOf(400, 533), { background: 'isolate' }],
    ['tutorial', /small/, sampleOf(32, 32), {}],
    ['tutorial', /64x64 pixels/, sampleOf(400, 533), { size: 64 }],
    ['mobilenet', /photos/, sampleOf(400, 533), { size: 128, recipe: 'fast', network: 'auto' }],
    ['tutorial', /recipe distilled/, sampleOf(400, 533), { recipe: 'distilled' }],
    ['residual', /recipe residual/, sampleOf(400, 533), { recipe: 'residual' }],
  ])('is %s, and says why: %s', (network, reason, sample, given) => {
    const choice = choose(sample, given);
    expect(choice.network).toBe(network);
    expect(choice.reason).toMatch(reason);
    expect(choice.reason).toMatch(/--network/);
  });

  it('is residual for many small images in colour', () => {
    expect(choose(sampleOf(32, 32), {}, 50_000).network).toBe('residual');
    expect(choose(sampleOf(32, 32, false), {}, 50_000).network).toBe('tutorial');
  });

  it('is the one that is named', () => {
    expect(choose(sampleOf(28, 28), { network: 'mobilenet' })).toEqual({
      network: 'mobilenet',
      reason: null,
    });
  });

  it('decides how pictures are read', () => {
    expect(defaultsOf('tutorial', undefined)).toEqual({});
    expect(defaultsOf('mobilenet', undefined)).toMatchObject({ size: 160, fit: 'stretch' });
    expect(defaultsOf('mobilenet', 'best')).toMatchObject({ size: 224, colour: 'rgb' });
  });
});
