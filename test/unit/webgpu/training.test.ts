import { describe, expect, it, vi } from 'vitest';
import { DeviceLostError } from '../../../shared/webgpu/open-device.ts';
import type { Recipe } from '../../../trainer/train/recipe.ts';
import { train } from '../../../trainer/train/train.ts';
import type { TrainingState } from '../../../trainer/train/training-state.ts';
import type { TrainingEvent } from '../../../trainer/train/training-types.ts';
import {
  eventsOf,
  hasWebgpu,
  lossesOf,
  noiseTraining,
  smallRecipe,
  smallSpec,
  specOf,
  trainOnNoise,
  weightsOf,
} from '../../support/webgpu.ts';

const isThere = await hasWebgpu();
// Software Vulkan compiles for seconds, and for minutes on a busy machine.
vi.setConfig({ testTimeout: 600_000 });

/** Recipes that together use every setting that the kernels know. */
const variants: Record<string, Partial<Recipe>> = {
  'tutorial, with adam': {},
  'best, with adamw, averages and augmentation': {
    optimizer: 'adamw',
    learningRate: 0.01,
    weightDecay: 0.1,
    schedule: 'cosine',
    warmupEpochs: 0.5,
    labelSmoothing: 0.1,
    averageDecay: 0.9,
    flip: true,
    shift: 2,
    erase: 3,
  },
  'sgd in colour, with weight decay, balanced labels and repeated edges': {
    optimizer: 'sgd',
    learningRate: 0.05,
    weightDecay: 0.01,
    classWeights: 'balanced',
    shift: 2,
    flip: true,
    validation: 4,
  },
};

const greatestDifference = (left: ArrayLike<number>, right: ArrayLike<number>): number =>
  Math.max(...Array.from(left, (value, i) => Math.abs(value - (right[i] as number))));

const sameBits = (left: Float32Array, right: Float32Array | undefined): boolean =>
  right !== undefined && Buffer.compare(Buffer.from(left.buffer), Buffer.from(right.buffer)) === 0;

describe.skipIf(!isThere)('training on webgpu', () => {
  it.each(Object.entries(variants))('takes the steps of wasm: %s', async (_, settings) => {
    const recipe = { ...smallRecipe, ...settings };
    const channels = recipe.optimizer === 'sgd' ? 3 : 1;
    const spec = specOf([11, 10, channels], smallSpec.layers);
    const wasm = await trainOnNoise({ spec, backend: 'wasm', recipe });
    const own = await trainOnNoise({ spec, recipe });
    expect(lossesOf(own).length).toBe(6);
    expect(greatestDifference(lossesOf(own), lossesOf(wasm))).toBeLessThan(2e-6);
    expect(greatestDifference(weightsOf(own), weightsOf(wasm))).toBeLessThan(2e-5);
    const [epochs, others] = [eventsOf(own, 'epoch'), eventsOf(wasm, 'epoch')];
    for (const [index, epoch] of epochs.entries()) {
      expect(greatestDifference(epoch.logits, others[index]?.logits ?? [])).toBeLessThan(2e-5);
      expect(epoch.validation?.loss ?? 0).toBeCloseTo(others[index]?.validation?.loss ?? 0, 5);
    }
  });

  it('gives the same bits again, also with a break, and continues where wasm was', async () => {
    const spec = {
      ...smallSpec,
      layers: smallSpec.layers.toSpliced(4, 0, { type: 'dropout', rate: 0.5 }),
    };
    const checkpoints = { steps: 2 };
    const whole = await trainOnNoise({ spec, checkpoints });
    expect(eventsOf(whole, 'started')[0]?.backend).toMatchObject({ name: 'webgpu' });
    const [afterTwo] = eventsOf(whole, 'checkpoint');
    expect(afterTwo?.state.position).toMatchObject({ epoch: 1, step: 2 });
    const resumed = await trainOnNoise({ spec, checkpoints, resumeFrom: afterTwo?.state });
    expect(lossesOf(resumed)).toEqual(lossesOf(whole).slice(2));
    expect(sameBits(weightsOf(whole), weightsOf(resumed))).toBe(true);

    // A thread of wasm keeps losses of its own, which are added up.
    const options = { checkpoints, backend: 'wasm' as const, threads: 2 };
    const wasm = await trainOnNoise(options);
    const [before] = eventsOf(wasm, 'checkpoint');
    const moved = await trainOnNoise({ checkpoints, resumeFrom: before?.state });
    expect(greatestDifference(lossesOf(moved), lossesOf(wasm).slice(2))).toBeLessThan(2e-6);
    const [trainLoss, itsTrainLoss] = [moved, wasm].map(
      (events) => eventsOf(events, 'epoch')[0]?.trainLoss,
    );
    expect(trainLoss).toBeCloseTo(itsTrainLoss as number, 5);
    const [back] = eventsOf(moved, 'checkpoint');
    const again = await trainOnNoise({ ...options, resumeFrom: back?.state });
    expect(greatestDifference(weightsOf(again), weightsOf(wasm))).toBeLessThan(2e-5);
  });

  it('stops between two steps when it is aborted, with a checkpoint of that moment', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const events: TrainingEvent[] = [];
    const training = async () => {
      for await (const event of train(noiseTraining({ signal, checkpoints: {} }))) {
        events.push(event);
        if (event.event === 'progress') controller.abort(new Error('enough'));
      }
    };
    await expect(training()).rejects.toThrow('enough');
    const last = events.at(-1);
    expect(last?.event).toBe('checkpoint');
    const { position } = (last as Extract<TrainingEvent, { event: 'checkpoint' }>).state;
    expect(lossesOf(events).length).toBe(3 * (position.epoch - 1) + position.step);
  });

  it('reports a loss that is not finite, as the other backends do', async () => {
    const recipe = { ...smallRecipe, optimizer: 'sgd' as const, learningRate: 1e30 };
    await expect(trainOnNoise({ recipe })).rejects.toThrow(/diverged in epoch 1, step [23] of 3/);
  });

  it('fails if the GPU stops, and resumes from the last checkpoint', async () => {
    const whole = await trainOnNoise({});
    const request = GPUAdapter.prototype.requestDevice;
    let device: GPUDevice | undefined;
    GPUAdapter.prototype.requestDevice = async function (descriptor) {
      device = await request.call(this, descriptor);
      return device;
    };
    let state: TrainingState | undefined;
    const training = async () => {
      for await (const event of train(noiseTraining({ checkpoints: { steps: 2 } }))) {
        if (event.event !== 'checkpoint') continue;
        state = event.state;
        device?.destroy();
      }
    };
    try {
      await expect(training()).rejects.toThrow(DeviceLostError);
    } finally {
      GPUAdapter.prototype.requestDevice = request;
    }
    expect(state?.position).toMatchObject({ epoch: 1, step: 2 });
    const resumed = await trainOnNoise({ resumeFrom: state });
    expect(sameBits(weightsOf(whole), weightsOf(resumed))).toBe(true);
  });
});
