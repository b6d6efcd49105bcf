import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  engine,
  type LayersModel,
  modelFromJSON,
  type PyJsonDict,
  type Tensor,
  tidy,
} from '#tensorflow';
import { preparedConvolutions } from '../../../edge/kernels/prepared.ts';
import { registerExtraKernels, registerKernels } from '../../../edge/kernels/register.ts';
import { compileNetwork } from '../../../edge/model/network.ts';
import { withoutInitializers } from '../../../edge/model/weights.ts';

interface Shape {
  images: number;
  side: number;
  channels: number;
  filters: number;
  kernelSize: number;
  strides: number;
  dilation: number;
  padding: 'same' | 'valid';
  activation: 'relu' | 'linear' | 'elu';
  useBias: boolean;
  poolSize: number;
  poolStrides: number;
  poolPadding: 'same' | 'valid';
  seed: number;
}

const paddings = fc.constantFrom('same' as const, 'valid' as const);

/** Networks of the tutorial's steps, of the compiler's, and with an activation that TensorFlow.js computes. */
const shapes: fc.Arbitrary<Shape> = fc
  .record({
    images: fc.integer({ min: 1, max: 3 }),
    side: fc.integer({ min: 7, max: 11 }),
    channels: fc.constantFrom(1, 3, 16),
    filters: fc.constantFrom(1, 5, 8, 16),
    kernelSize: fc.integer({ min: 1, max: 3 }),
    strides: fc.constantFrom(1, 1, 1, 2),
    dilation: fc.constantFrom(1, 1, 1, 2),
    padding: fc.oneof(
      { weight: 3, arbitrary: fc.constant('same' as const) },
      { weight: 1, arbitrary: paddings },
    ),
    activation: fc.constantFrom(
      'relu' as const,
      'linear' as const,
      'relu' as const,
      'elu' as const,
    ),
    useBias: fc.boolean(),
    poolSize: fc.constantFrom(2, 2, 2, 3),
    poolStrides: fc.constantFrom(2, 2, 2, 1),
    poolPadding: fc.oneof(
      { weight: 3, arbitrary: fc.constant('valid' as const) },
      { weight: 1, arbitrary: paddings },
    ),
    seed: fc.nat(1000),
  })
  // TensorFlow.js has no convolution with both.
  .map((shape) => (shape.strides > 1 ? { ...shape, dilation: 1 } : shape));

const layer = (class_name: string, name: string, config: Record<string, unknown>) => ({
  class_name,
  config: {
    name,
    trainable: true,
    dtype: 'float32',
    // As after training: the weights are set.
    kernel_initializer: { class_name: 'VarianceScaling', config: {} },
    ...config,
  },
});

async function buildModel(shape: Shape): Promise<LayersModel> {
  const { side, channels, filters, kernelSize, strides, dilation, padding } = shape;
  const { activation, useBias, poolSize, poolStrides, poolPadding } = shape;
  const modelTopology = {
    class_name: 'Sequential',
    config: {
      name: 'random',
      layers: [
        layer('Conv2D', 'convolution', {
          batch_input_shape: [null, side, side, channels],
          filters,
          padding,
          activation,
          use_bias: useBias,
          data_format: 'channels_last',
          kernel_size: [kernelSize, kernelSize],
          strides: [strides, strides],
          dilation_rate: [dilation, dilation],
        }),
        layer('MaxPooling2D', 'pooling', {
          pool_size: [poolSize, poolSize],
          strides: [poolStrides, poolStrides],
          padding: poolPadding,
          data_format: 'channels_last',
        }),
        layer('Flatten', 'flatten', {}),
        layer('Dense', 'dense', { units: 7, activation, use_bias: useBias }),
      ],
    },
  };
  await registerExtraKernels(modelTopology);
  const model = await modelFromJSON({
    modelTopology: withoutInitializers(modelTopology) as PyJsonDict,
  });
  let next = shape.seed;
  model.setWeights(
    model.getWeights().map(({ shape }) => {
      // So that values stay near 1 from layer to layer, as in a trained network, and rounding errors with them.
      const inputs = shape.slice(0, -1).reduce((product, size) => product * size, 1);
      return noise(shape, next++, 1 / Math.sqrt(inputs));
    }),
  );
  return model;
}

function noise(shape: readonly number[], seed: number, scale = 1): Tensor {
  const values = Float32Array.from(
    { length: shape.reduce((product, size) => product * size, 1) },
    (_, index) => scale * Math.sin((index + 1) * 12.9898 + seed * 78.233),
  );
  return engine().makeTensor(values, [...shape], 'float32');
}

it('a compiled network equals TensorFlow.js for any strides, dilations, paddings and pooling', async () => {
  registerKernels();
  const computedBy = { steps: 0, compiler: 0, tensorflow: 0 };
  await fc.assert(
    fc.asyncProperty(shapes, async (shape) => {
      const model = await buildModel(shape);
      const { images, side, channels } = shape;
      const [found, wanted, stockLayers] = tidy(() => {
        const input = noise([images, side, side, channels], shape.seed + 10);
        // Runs first, because the stock layers also use the weights that are packed below.
        const stock = (model.apply(input) as Tensor).dataSync<'float32'>();
        const network = compileNetwork(model);
        return [network.run(input).dataSync<'float32'>(), stock, network.stockLayers];
      }) as unknown as [Float32Array, Float32Array, string[]];
      const [filter] = model.layers[0]?.getWeights() ?? [];
      if (filter && preparedConvolutions.has(filter.dataId)) computedBy.steps++;
      else computedBy[stockLayers.length > 0 ? 'tensorflow' : 'compiler']++;
      model.dispose();
      expect(found).toHaveLength(wanted.length);
      for (const [i, value] of wanted.entries()) {
        expect(Math.abs((found[i] as number) - value), `value ${i}`).toBeLessThan(1e-5);
      }
    }),
    { numRuns: 200 },
  );
  for (const count of Object.values(computedBy)) expect(count).toBeGreaterThan(15);
});
