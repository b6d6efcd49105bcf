import { pathToFileURL } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { adamDefaults } from '../../../shared/model/adam.ts';
import { cnnFor, fashionMnistCnn, type LayerSpec } from '../../../shared/model/model-spec.ts';
import { planNetwork, UnsupportedError } from '../../../shared/webgpu/network-plan.ts';
import { openDevice } from '../../../shared/webgpu/open-device.ts';
import { openInference } from '../../../shared/webgpu/open-inference.ts';
import { openTraining } from '../../../shared/webgpu/open-training.ts';
import { openBackend, openFastest } from '../../../trainer/backend/open-backend.ts';
import { missingVulkan } from '../../../trainer/backend/webgpu/vulkan.ts';
import { webgpuFolder } from '../../../trainer/backend/webgpu/webgpu-setup.ts';
import { computeLogits } from '../../../trainer/train/compute-logits.ts';
import { openMaster } from '../../../trainer/train/master-model.ts';
import { computeWebgpuLogits } from '../../../trainer/train/webgpu-logits.ts';
import {
  eventsOf,
  hasWebgpu,
  noisySet,
  smallRecipe,
  smallSpec,
  specOf,
  trainOnNoise,
} from '../../support/webgpu.ts';

const isThere = await hasWebgpu();
// Software Vulkan compiles for seconds, and for minutes on a busy machine.
vi.setConfig({ testTimeout: 600_000 });

describe('the networks that webgpu computes', () => {
  it('are the tutorial and wide, of any size', () => {
    expect(planNetwork(fashionMnistCnn)).toMatchObject({ parameters: 688_138, dropout: 0.5 });
    const colour = { name: 'c', height: 64, width: 48, channels: 3 as const, labels: ['a', 'b'] };
    const spec = cnnFor({ ...colour, fit: 'cover', background: { kind: 'keep' } }, 'wide');
    expect(planNetwork(spec).hidden).toMatchObject({ inputs: 8 * 6 * 256, units: 1024 });
  });

  const dense = (units: number, activation: 'relu' | 'linear'): LayerSpec => ({
    type: 'dense',
    units,
    activation,
  });
  const convolution: LayerSpec = { type: 'conv2d', filters: 4, kernelSize: 3 };
  const pool: LayerSpec = { type: 'maxPool2d', poolSize: 2 };
  const end: LayerSpec[] = [{ type: 'flatten' }, dense(5, 'relu'), dense(2, 'linear')];
  it.each<[string, LayerSpec[]]>([
    ['layer 1, conv2d', [convolution, ...end]],
    ['layer 1, conv2d', [convolution, { type: 'maxPool2d', poolSize: 3 }, ...end]],
    ['layer 1, conv2d', [{ ...convolution, kernelSize: 4 }, pool, ...end]],
    ['layer 1, conv2d', [{ ...convolution, strides: 2 }, pool, ...end]],
    ['layer 1, conv2d', [{ ...convolution, activation: 'relu6' }, pool, ...end]],
    ['layer 3, globalAveragePool', [convolution, pool, { type: 'globalAveragePool' }, ...end]],
    ['layer 1, dense', [dense(5, 'relu'), dense(2, 'linear')]],
    ['layer 5, dense', [convolution, pool, ...end.slice(0, 2), dense(4, 'relu')]],
    [
      'up to 2048 hidden units',
      [convolution, pool, { type: 'flatten' }, dense(2049, 'relu'), dense(2, 'linear')],
    ],
  ])('are no others: %s', (message, layers) => {
    expect(() => planNetwork({ inputShape: [12, 12, 1], layers })).toThrow(UnsupportedError);
    expect(() => planNetwork({ inputShape: [12, 12, 1], layers })).toThrow(message);
  });
});

describe.runIf(process.platform === 'linux')('what Vulkan lacks', () => {
  it('is a driver that is named but does not exist', () => {
    const missing = missingVulkan({ VK_DRIVER_FILES: '/nowhere/icd.json' });
    expect(missing).toMatch(/nowhere|libvulkan/);
  });
});

describe.skipIf(!isThere)('the choice of webgpu', () => {
  it('is a warning on an adapter in software, which auto does not take', async () => {
    const open = (name: Parameters<typeof openBackend>[0], device: 'auto' | 'gpu' | 'cpu') =>
      openBackend(name, { device });
    const { opened } = await openFastest('webgpu', 'auto', open);
    // On a machine with a GPU there is nothing to refuse.
    if (opened.device.kind === 'GPU') return;
    expect(opened.warning).toContain('computes in software');
    const chosen = await openFastest('auto', 'auto', open);
    expect(chosen.opened.name).toBe('wasm');
    expect(chosen.skipped[0]).toMatchObject({
      name: 'webgpu',
      reason: expect.stringContaining('computes in software'),
    });
    await expect(openFastest('webgpu', 'gpu', open)).rejects.toThrow('computes in software');
    await expect(openFastest('webgpu', 'cpu', open)).rejects.toThrow('--backend wasm');
  });

  it('fails for recipes and networks that it can not train, with what to do', async () => {
    const photos = trainOnNoise({ recipe: { ...smallRecipe, photos: 0.5 } });
    await expect(photos).rejects.toThrow("can't train with --photos; use --backend wasm");
    const spec = specOf(smallSpec.inputShape, smallSpec.layers.toSpliced(1, 1));
    await expect(trainOnNoise({ spec })).rejects.toThrow('layer 1, conv2d');
  });

  it('leaves such a network to wasm if any backend will do', async () => {
    const spec = specOf(smallSpec.inputShape, smallSpec.layers.toSpliced(1, 1));
    const events = await trainOnNoise({ spec, backend: 'auto' });
    expect(eventsOf(events, 'started')[0]?.backend.name).toBe('wasm');
  });
});

describe.skipIf(!isThere)('a GPU with too little memory', () => {
  // Dawn crashes if its instance is collected while a device is in use, so the tests keep it.
  let gpu: GPU | undefined;

  /** Opens Dawn's device that computes nothing. It has half a GiB. */
  async function openSmallDevice() {
    const { create } = await import(pathToFileURL(`${webgpuFolder}index.js`).href);
    gpu ??= create(['backend=null']) as GPU;
    return openDevice((await gpu.requestAdapter()) as GPUAdapter);
  }

  it('is named, with what to do', async () => {
    const opened = await openSmallDevice();
    const opening = opened.prepare(() =>
      openTraining(opened, {
        spec: fashionMnistCnn,
        batch: 5000,
        steps: 1,
        images: (from, end) => new Uint8Array(784 * (end - from)),
        labels: new Uint8Array(5000),
        settings: {
          ...smallRecipe,
          ...adamDefaults,
          momentum: 0,
          labelWeights: null,
          augmentation: null,
        },
      }),
    );
    await expect(opening).rejects.toThrow(
      /^The GPU has too little memory for the buffer .*\. Lower --batch-size/,
    );
    opened.close();
  });

  it('leaves the training to the next backend if it can not have such buffers at all', async () => {
    const opened = await openSmallDevice();
    const opening = opened.prepare(() => openInference(opened, fashionMnistCnn, 2 ** 19));
    await expect(opening).rejects.toThrow(UnsupportedError);
    opened.close();
  });
});

describe.skipIf(!isThere)('evaluation on webgpu', () => {
  it("gives TensorFlow.js's logits, also of the last images", async () => {
    const { parameters } = await openMaster(smallSpec, 3);
    const shapes = [[3, 3, 1, 5], [5], [125, 12], [12], [12, 3], [3]];
    let offset = 0;
    const weights = shapes.map((shape) => {
      const size = shape.reduce((product, length) => product * length, 1);
      offset += size;
      return { shape, values: parameters.slice(offset - size, offset) };
    });
    expect(offset).toBe(parameters.length);
    // One more than a batch.
    const set = noisySet(smallSpec, 257, 'evaluation');
    const expected = await computeLogits(smallSpec, weights as never, set);
    const done: number[] = [];
    const logits = await computeWebgpuLogits(smallSpec, weights as never, set, undefined, (count) =>
      done.push(count),
    );
    expect(done).toEqual([257]);
    const differences = logits.map((value, i) => Math.abs(value - (expected[i] as number)));
    expect(Math.max(...differences)).toBeLessThan(1e-6);
  });
});
