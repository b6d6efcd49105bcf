import { describe, expect, it, vi } from 'vitest';
import { softmax } from '../../../shared/model/predict.ts';
import { type FineTuneOptions, fineTune } from '../../../shared/webgpu/fine-tune.ts';
import { openDevice } from '../../../shared/webgpu/open-device.ts';
import { openAdapter } from '../../../trainer/backend/webgpu/open-adapter.ts';
import { openMaster } from '../../../trainer/train/master-model.ts';
import { hasWebgpu, noisySet, smallSpec } from '../../support/webgpu.ts';

const isThere = await hasWebgpu();
// Software Vulkan compiles for seconds, and for minutes on a busy machine.
vi.setConfig({ testTimeout: 600_000 });

/** Noise with random labels. */
function labelledImages(count: number, seed: string) {
  const { images, labels } = noisySet(smallSpec, count, seed);
  return { pixels: images, labels };
}

const own = labelledImages(3, 'own');
const rehearsal = labelledImages(20, 'rehearsal');

async function tune(options: Partial<FineTuneOptions>) {
  const { adapter } = await openAdapter();
  const opened = await openDevice(adapter);
  try {
    return await fineTune(opened, {
      spec: smallSpec,
      weights: (await openMaster(smallSpec, 3)).parameters,
      own,
      rehearsal,
      others: rehearsal,
      steps: 8,
      onStep: () => {},
      continues: () => true,
      ...options,
    });
  } finally {
    opened.close();
  }
}

/** The cross-entropy of an image. */
function lossOf(logits: Float32Array, image: number, label: number): number {
  const count = smallSpec.labels.length;
  const ofImage = logits.subarray(image * count, (image + 1) * count);
  return -Math.log(softmax(ofImage)[label] as number);
}

describe.skipIf(!isThere)('fine-tuning', () => {
  it('takes steps on own images in turn and on as many others', async () => {
    const steps: [number, number][] = [];
    const { losses, before, after, weights } = await tune({
      onStep: (step, loss) => steps.push([step, loss]),
    });
    // All 23 images are one batch.
    const ofBatch = Array.from({ length: 23 }, (_, place) => {
      const half = place >> 1;
      if (place % 2 === 0) return lossOf(before.own, half % 3, own.labels[half % 3] as number);
      const image = Math.floor(20 * ((half * 0.618034) % 1));
      return lossOf(before.others, image, rehearsal.labels[image] as number);
    });
    const mean = ofBatch.reduce((sum, loss) => sum + loss, 0) / 23;
    expect(losses[0]).toBeCloseTo(mean, 5);
    expect(steps).toEqual(losses.map((loss, index) => [index + 1, loss]));
    expect(losses).toHaveLength(8);
    const meanOfOwn = (logits: Float32Array) =>
      own.labels.reduce((sum, label, image) => sum + lossOf(logits, image, label), 0);
    expect(meanOfOwn(after.own)).toBeLessThan(meanOfOwn(before.own));
    // The new weights are those that gave the answers after, and the same images give them again.
    const again = await tune({ weights, steps: 0 });
    expect(again.before).toEqual(after);
    expect(again.weights).toEqual(weights);
    expect((await tune({})).weights).toEqual(weights);
  });

  it('ends early if it is stopped, and works without other images', async () => {
    const none = { pixels: new Uint8Array(), labels: new Uint8Array() };
    let taken = 0;
    const { losses, after } = await tune({
      rehearsal: none,
      others: none,
      steps: 500,
      onStep: (step) => {
        taken = step;
      },
      continues: () => taken < 3,
    });
    expect(losses.length).toBeGreaterThanOrEqual(3);
    expect(losses.length).toBeLessThan(500);
    expect(after.own).toHaveLength(9);
    expect(after.others).toHaveLength(0);
  });

  it('fails if the loss is not finite', async () => {
    const { parameters } = await openMaster(smallSpec, 3);
    const weights = parameters.slice().fill(Number.NaN);
    await expect(tune({ weights })).rejects.toThrow(
      new RangeError('The loss is no longer finite.'),
    );
  });
});
