import { beforeAll, describe, expect, it } from 'vitest';
import { fashionMnistCnn } from '../../../shared/model/model-spec.ts';
import type { Dataset } from '../../../trainer/data/dataset.ts';
import { loadDataset } from '../../../trainer/data/load-dataset.ts';
import type { Recipe } from '../../../trainer/train/recipe.ts';
import { recipes } from '../../../trainer/train/recipes.ts';
import { train } from '../../../trainer/train/train.ts';
import { firstPosition } from '../../../trainer/train/training-state.ts';
import type { TrainingEvent, TrainOptions } from '../../../trainer/train/training-types.ts';

let dataset: Dataset;
beforeAll(async () => {
  const whole = await loadDataset();
  // A thousand test images are enough to tell learning from guessing.
  const count = 1000;
  const test = {
    images: whole.test.images.subarray(0, count * 784),
    labels: whole.test.labels.subarray(0, count),
    count,
  };
  dataset = { ...whole, test };
});

type EpochEvent = Extract<TrainingEvent, { event: 'epoch' }>;

async function trainEpochs(options: Partial<TrainOptions>, epochs = 1): Promise<EpochEvent[]> {
  const events: EpochEvent[] = [];
  const recipe = { ...recipes.tutorial, epochs };
  const all = { spec: fashionMnistCnn, dataset, recipe, seed: 5, backend: 'wasm' as const };
  for await (const event of train({ ...all, limit: 1000, threads: 2, ...options })) {
    if (event.event === 'epoch') events.push(event);
  }
  return events;
}

const weightsOf = (event: EpochEvent | undefined) =>
  new Float32Array(event?.artifacts.weightData as ArrayBuffer);

describe('training on real images', () => {
  it('learns, and the loss falls', async () => {
    const [first, second] = await trainEpochs({ limit: 4000 }, 2);
    // 10 % is guessing.
    expect(first?.metrics.accuracy).toBeGreaterThan(0.5);
    expect(second?.metrics.accuracy).toBeGreaterThan(0.68);
    expect(second?.metrics.loss).toBeLessThan(first?.metrics.loss ?? 0);
  });

  it('gives the same bits for the same seed and threads, others for another seed', async () => {
    const [[once], [again], [other]] = [
      await trainEpochs({ limit: 256 }),
      await trainEpochs({ limit: 256 }),
      await trainEpochs({ limit: 256, seed: 6 }),
    ];
    expect(weightsOf(once).length).toBe(688_138);
    expect(
      Buffer.compare(Buffer.from(weightsOf(again).buffer), Buffer.from(weightsOf(once).buffer)),
    ).toBe(0);
    expect(weightsOf(other)).not.toEqual(weightsOf(once));
  });

  it.each(['tutorial', 'photo'] as const)(
    'takes the same steps on one thread as on two, except for rounding: recipe %s',
    async (name) => {
      const recipe = {
        ...recipes[name],
        epochs: 1,
        warmupEpochs: 0,
        batchSize: 64,
        averageDecay: 0,
      };
      // Without dropout, whose masks are drawn per thread; few steps, as Adam amplifies rounding.
      const spec = {
        ...fashionMnistCnn,
        layers: fashionMnistCnn.layers.filter(({ type }) => type !== 'dropout'),
      };
      const [one] = await trainEpochs({ spec, recipe, limit: 128, threads: 1 });
      const [two] = await trainEpochs({ spec, recipe, limit: 128, threads: 2 });
      expect(one?.metrics.loss).toBeCloseTo(two?.metrics.loss ?? 0, 3);
    },
  );

  describe('with a recipe that uses every option', () => {
    const recipe: Recipe = {
      ...recipes.best,
      epochs: 2,
      warmupEpochs: 0.5,
      averageDecay: 0.9,
      erase: 6,
      photos: 0.5,
      validation: 200,
    };

    it('gives the same bits for the same seed, and metrics on held-out images', async () => {
      const options = { recipe, dtype: 'float16', limit: 456 } as const;
      const [first, second] = await trainEpochs(options);
      const [, again] = await trainEpochs(options);
      expect(again?.artifacts.weightData).toEqual(second?.artifacts.weightData);
      expect(second?.artifacts.weightData).toHaveProperty('byteLength', 2 * 688_138);
      const supports = second?.validation?.perClass.map(({ support }) => support) ?? [];
      expect(supports.reduce((sum, support) => sum + support, 0)).toBe(200);
      expect(second?.metrics.loss).toBeLessThan(first?.metrics.loss ?? 0);
    });

    it('evaluates and returns the averaged weights', async () => {
      const [plain] = await trainEpochs({ recipe: { ...recipe, averageDecay: 0 }, limit: 456 });
      const [averaged] = await trainEpochs({ recipe, limit: 456 });
      expect(averaged?.trainLoss).toBe(plain?.trainLoss);
      expect(weightsOf(averaged)).not.toEqual(weightsOf(plain));
      expect(averaged?.metrics.loss).not.toBe(plain?.metrics.loss);
    });

    it('stops if validation does not improve', async () => {
      // A learning rate that moves no weight: every epoch is as good as the first.
      const still = { ...recipe, epochs: 9, learningRate: 1e-30, patience: 2 };
      expect((await trainEpochs({ recipe: still, limit: 264 })).length).toBe(3);
    });
  });

  it('trains on a last batch smaller than the number of threads', async () => {
    const [epoch] = await trainEpochs({ limit: 65, threads: 2 });
    expect(epoch?.metrics.loss).toBeLessThan(Math.log(10) + 0.1);
    expect(weightsOf(epoch).every(Number.isFinite)).toBe(true);
  });

  describe('that diverges', () => {
    const sgd = { ...recipes.tutorial, optimizer: 'sgd' } as const;
    const state = (change: (parameters: Float32Array) => void, step = 0) => {
      const vectors = {
        parameters: new Float32Array(688_138).fill(0.01),
        firstMoments: new Float32Array(688_138),
        secondMoments: new Float32Array(688_138),
        losses: new Float32Array(8),
      };
      change(vectors.parameters);
      return { position: { ...firstPosition, epoch: 2, step }, vectors };
    };
    // The kernel of the first convolution: its ReLU turns NaN into 0, so the loss does not show it.
    const hiddenNaN = state((parameters) => parameters.fill(Number.NaN, 0, 9));
    const cases: [string, Partial<TrainOptions>, object][] = [
      [
        'ends at the step whose loss is NaN',
        { recipe: { ...sgd, learningRate: 1e10 } },
        { epoch: 1, step: 2, steps: 4, learningRate: 1e10, reason: 'the loss is NaN' },
      ],
      [
        'ends at the step whose loss is not finite, with the learning rate of the warm-up there',
        { recipe: { ...sgd, learningRate: 4e10, warmupEpochs: 1 } },
        { epoch: 1, step: 2, steps: 4, learningRate: 2e10, reason: 'the loss is NaN' },
      ],
      [
        'ends before it resumes from weights that are NaN',
        { resumeFrom: hiddenNaN },
        { epoch: 2, step: 0, steps: 4, reason: 'a weight is NaN' },
      ],
      [
        'ends if its logits overflow on the test images',
        { resumeFrom: state((parameters) => parameters.fill(1e30), 4) },
        { epoch: 2, step: 4, steps: 4, reason: 'the test loss is NaN' },
      ],
      [
        'ends if a weight does not fit into float16',
        { resumeFrom: state((parameters) => parameters.fill(65_520, 0, 1), 4), dtype: 'float16' },
        { reason: 'a weight exceeds 65,504, the maximum of float16' },
      ],
    ];

    it.each(cases)('%s', async (_, options, at) => {
      const seen: TrainingEvent[] = [];
      const training = async () => {
        const recipe = { ...recipes.tutorial, epochs: 2 };
        const all = { spec: fashionMnistCnn, dataset, recipe, seed: 5, backend: 'wasm' as const };
        const events = train({
          ...all,
          limit: 256,
          threads: 2,
          checkpoints: { steps: 1 },
          ...options,
        });
        for await (const event of events) seen.push(event);
      };
      await expect(training()).rejects.toMatchObject({ name: 'DivergenceError', at });
      expect(seen.filter(({ event }) => event === 'epoch')).toEqual([]);
      for (const event of seen) {
        if (event.event === 'progress') expect(event.loss).toBeLessThan(1e9);
        if (event.event !== 'checkpoint') continue;
        for (const vector of Object.values(event.state.vectors)) {
          expect(vector.every(Number.isFinite)).toBe(true);
        }
      }
    });
  });

  it('ends its threads and throws when interrupted', async () => {
    const interruption = new AbortController();
    const events = train({
      spec: fashionMnistCnn,
      dataset,
      recipe: recipes.tutorial,
      seed: 1,
      backend: 'wasm',
      threads: 2,
      signal: interruption.signal,
    });
    const interrupted = async () => {
      for await (const { event } of events) {
        if (event === 'progress') interruption.abort(new Error('enough'));
      }
    };
    await expect(interrupted()).rejects.toThrow(/enough|aborted/);
  });
});
