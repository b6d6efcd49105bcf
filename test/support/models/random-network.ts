import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import * as fc from 'fast-check';

const { layers } = tfl;

interface Choice {
  kind: (typeof kinds)[number];
  filters: number;
  kernel: [number, number];
  stride: number;
  dilation: number;
  padding: 'same' | 'valid';
  activation: (typeof activations)[number];
  useBias: boolean;
  /** Which earlier image an addition takes. */
  shortcut: number;
}

/** A network of random layers, its input and the seed of its weights. */
export interface RandomNetwork {
  height: number;
  width: number;
  channels: number;
  images: number;
  choices: Choice[];
  head: 'flatten' | 'average' | 'largest' | 'image';
  softmax: boolean;
  seed: number;
}

/** TensorFlow.js computes elu. */
const activations = [
  'linear',
  'relu',
  'relu6',
  'tanh',
  'sigmoid',
  'swish',
  'hardSigmoid',
  'elu',
] as const;

const kinds = [
  'convolution',
  'threeByThree',
  'depthwise',
  'separable',
  'normalization',
  'activation',
  'maxPool',
  'averagePool',
  'pad',
  'add',
  'shortcut',
  'product',
  'squeeze',
  'concatenation',
  'dense',
  'dropout',
  'reshape',
  'unknown',
  'nested',
] as const;

const size = fc.integer({ min: 1, max: 4 });

export const randomNetworks: fc.Arbitrary<RandomNetwork> = fc.record({
  height: fc.integer({ min: 3, max: 14 }),
  width: fc.integer({ min: 3, max: 14 }),
  channels: fc.constantFrom(1, 3, 4, 5, 16, 20),
  images: fc.constantFrom(1, 1, 2, 3, 16),
  choices: fc.array(
    fc.record({
      kind: fc.constantFrom(...kinds),
      filters: fc.constantFrom(1, 3, 8, 12, 16, 24, 32, 40),
      kernel: fc.tuple(size, size),
      stride: fc.integer({ min: 1, max: 3 }),
      dilation: fc.integer({ min: 1, max: 2 }),
      padding: fc.constantFrom('same' as const, 'valid' as const),
      activation: fc.constantFrom(...activations),
      useBias: fc.boolean(),
      shortcut: fc.nat(20),
    }),
    { minLength: 1, maxLength: 8 },
  ),
  head: fc.constantFrom(
    'flatten' as const,
    'average' as const,
    'largest' as const,
    'image' as const,
  ),
  softmax: fc.boolean(),
  seed: fc.nat(10_000),
});

type Images = tfl.SymbolicTensor;

/** Builds the model. A layer that does not fit the image before it is omitted. */
export function buildRandomNetwork(network: RandomNetwork): tfl.LayersModel {
  const input = tfl.input({ shape: [network.height, network.width, network.channels] });
  let last: Images = input;
  const earlier: Images[] = [input];
  for (const choice of network.choices) {
    last = append(choice, last, earlier) ?? last;
    earlier.push(last);
  }
  const head = {
    flatten: () => layers.flatten(),
    average: () => layers.globalAveragePooling2d({}),
    largest: () => layers.globalMaxPooling2d({}),
    image: () => layers.activation({ activation: 'relu' }),
  }[network.head]();
  last = head.apply(last) as Images;
  const activation = network.softmax && network.head !== 'image' ? 'softmax' : 'linear';
  last = layers.dense({ units: 7, activation }).apply(last) as Images;
  const model = tfl.model({ inputs: input, outputs: last });
  randomizeWeights(model, network.seed);
  return model;
}

function append(choice: Choice, x: Images, earlier: readonly Images[]): Images | undefined {
  const [, height, width, channels] = x.shape as [null, number, number, number];
  const { filters, kernel, activation, useBias, padding } = choice;
  // TensorFlow.js has no convolution that is both strided and dilated.
  const dilation = choice.stride > 1 ? 1 : choice.dilation;
  const covered = kernel.map((length) => (length - 1) * dilation + 1) as [number, number];
  const fits = padding === 'same' || (covered[0] <= height && covered[1] <= width);
  const common = { useBias, activation, padding, strides: choice.stride, dilationRate: dilation };
  const apply = (layer: { apply(x: Images): unknown }) => layer.apply(x) as Images;
  switch (choice.kind) {
    case 'convolution':
      return fits ? apply(layers.conv2d({ ...common, filters, kernelSize: kernel })) : undefined;
    case 'threeByThree': {
      const convolution = layers.conv2d({
        filters: 8 * Math.ceil(filters / 8),
        kernelSize: 3,
        padding: 'same',
        activation,
        useBias,
      });
      return apply(convolution);
    }
    case 'depthwise':
    case 'separable': {
      const square = kernel[0] * Math.min(1, dilation);
      const isIn = padding === 'same' || (square - 1) * dilation < Math.min(height, width);
      if (!isIn) return undefined;
      const options = { ...common, kernelSize: square };
      return choice.kind === 'depthwise'
        ? apply(
            layers.depthwiseConv2d({
              ...options,
              depthMultiplier: filters < 8 ? 2 : filters === 12 ? 3 : 1,
            }),
          )
        : apply(layers.separableConv2d({ ...options, filters }));
    }
    case 'normalization':
      return apply(layers.batchNormalization({ scale: useBias, center: padding === 'same' }));
    case 'activation':
      return activation === 'relu6'
        ? apply(layers.reLU({ maxValue: 0.5 }))
        : apply(layers.activation({ activation }));
    case 'maxPool':
    case 'averagePool': {
      const poolSize = kernel.map((length, axis) => Math.min(length, [height, width][axis] ?? 1));
      const options = {
        poolSize: poolSize as [number, number],
        strides: choice.stride,
        padding,
      };
      return choice.kind === 'maxPool'
        ? apply(layers.maxPooling2d(options))
        : apply(layers.averagePooling2d(options));
    }
    case 'pad': {
      const [rows, columns] = kernel;
      return apply(
        layers.zeroPadding2d({
          padding: [
            [rows - 1, choice.stride - 1],
            [columns - 1, dilation],
          ],
        }),
      );
    }
    case 'add': {
      const branch = layers.conv2d({ filters: channels, kernelSize: 3, padding: 'same', useBias });
      return layers.add().apply([x, apply(branch)]) as Images;
    }
    case 'shortcut':
    case 'product': {
      const others = earlier.filter(
        (each) => String(each.shape) === String(x.shape) && each.id !== x.id,
      );
      const other = others[choice.shortcut % Math.max(1, others.length)];
      const merge = choice.kind === 'shortcut' ? layers.add() : layers.multiply();
      return other && (merge.apply([other, x]) as Images);
    }
    case 'squeeze': {
      const mean = apply(layers.globalAveragePooling2d({}));
      const pixel = layers.reshape({ targetShape: [1, 1, channels] }).apply(mean) as Images;
      const factor = layers.conv2d({ filters: channels, kernelSize: 1, activation }).apply(pixel);
      const pair = useBias ? [x, factor] : [factor, x];
      return layers.multiply().apply(pair as Images[]) as Images;
    }
    case 'concatenation': {
      const others = earlier.filter(
        (each) => each.shape[1] === height && each.shape[2] === width && each.id !== x.id,
      );
      // TensorFlow.js frees an image too early that a layer reads twice.
      const parts = [x, ...new Set(others)].slice(0, 3);
      if (parts.length === 1) return undefined;
      return layers.concatenate({ axis: useBias ? -1 : 3 }).apply(parts) as Images;
    }
    case 'dense':
      return apply(layers.dense({ units: filters, activation, useBias }));
    case 'dropout':
      return apply(layers.dropout({ rate: 0.5 }));
    case 'reshape':
      return apply(layers.reshape({ targetShape: [width, height, channels] }));
    case 'unknown':
      return apply(layers.leakyReLU());
    case 'nested': {
      const inner = tfl.sequential();
      inner.add(
        layers.conv2d({
          inputShape: [height, width, channels],
          filters,
          kernelSize: kernel,
          padding: 'same',
          activation,
        }),
      );
      inner.add(layers.batchNormalization());
      return apply(inner);
    }
  }
}

/** Values that differ from the initial ones, so that a bias or a variance that is left out is noticed. */
function randomizeWeights(model: tfl.LayersModel, seed: number): void {
  model.setWeights(
    model.getWeights().map((weight, at) => {
      const isVariance = model.weights[at]?.originalName.endsWith('variance');
      const [lowest, highest] = isVariance ? [0.5, 1.5] : [-0.5, 0.5];
      return tf.randomUniform(weight.shape, lowest, highest, 'float32', seed + at);
    }),
  );
}
