import type { TrainingLayer, TrainingSpec } from '../model/training-spec.ts';

/** A convolution with padding `same`, ReLU, and maximum pooling over 2x2 after it. */
export interface ConvolutionPlan {
  /** The size of its input. */
  height: number;
  width: number;
  channels: number;
  /** The size of its output, after the pooling. */
  pooledHeight: number;
  pooledWidth: number;
  filters: number;
  kernelSize: number;
  /** Where its kernel [kernelSize, kernelSize, channels, filters] starts in the flat vector; the bias follows. */
  offset: number;
}

export interface DensePlan {
  inputs: number;
  units: number;
  /** Where its kernel [inputs, units] starts in the flat vector; the bias follows. */
  offset: number;
}

/** A network as the kernels compute it. */
export interface NetworkPlan {
  height: number;
  width: number;
  channels: number;
  convolutions: ConvolutionPlan[];
  /** The dense layer with ReLU. */
  hidden: DensePlan;
  /** The share of the hidden layer's units that a training step drops. */
  dropout: number;
  /** The dense layer of the logits. */
  output: DensePlan;
  /** The length of the flat vector. */
  parameters: number;
}

/** The kernels can't compute this network or recipe. */
export class UnsupportedError extends Error {
  override name = 'UnsupportedError';
}

/** A workgroup keeps the hidden layer of an image in its memory, of which WebGPU guarantees 16 KiB. */
const maxUnits = 2048;
/** Labels are bytes. */
const maxLabels = 256;

/**
 * Plans a network: convolutions that are pooled by 2, one hidden dense layer, and one of logits, as the tutorial's and `wide`.
 *
 * @throws {UnsupportedError} for any other network; the message names the layer that does not fit
 */
export function planNetwork({
  inputShape,
  layers,
}: Pick<TrainingSpec, 'inputShape' | 'layers'>): NetworkPlan {
  const [height, width, channels] = inputShape;
  let shape = { height, width, channels };
  let offset = 0;
  let index = 0;
  const convolutions: ConvolutionPlan[] = [];
  const next = () => layers[index++];
  let layer = next();
  while (layer?.type === 'conv2d') {
    const pool = next();
    if (!isPlainConvolution(layer) || pool?.type !== 'maxPool2d' || pool.poolSize !== 2) {
      throw unsupported(index - 2, layer, 'not an odd convolution with ReLU and 2x2 pooling');
    }
    const { filters, kernelSize } = layer;
    const [pooledHeight, pooledWidth] = [shape.height >> 1, shape.width >> 1];
    convolutions.push({ ...shape, pooledHeight, pooledWidth, filters, kernelSize, offset });
    offset += (kernelSize ** 2 * shape.channels + 1) * filters;
    shape = { height: pooledHeight, width: pooledWidth, channels: filters };
    layer = next();
  }
  if (layer?.type !== 'flatten') throw unsupported(index - 1, layer, 'not flatten');
  const dense = (activation: 'relu' | 'linear', inputs: number): DensePlan => {
    const found = next();
    const isRight = found?.type === 'dense' && found.activation === activation;
    if (!isRight) throw unsupported(index - 1, found, `not dense with ${activation}`);
    const plan = { inputs, units: found.units, offset };
    offset += (inputs + 1) * found.units;
    return plan;
  };
  const hidden = dense('relu', shape.height * shape.width * shape.channels);
  const after = layers[index];
  const dropout = after?.type === 'dropout' ? after.rate : 0;
  if (after?.type === 'dropout') index++;
  const output = dense('linear', hidden.units);
  if (index < layers.length) throw unsupported(index, layers[index], 'one layer too many');
  if (hidden.units > maxUnits || output.units > maxLabels || convolutions.length === 0) {
    throw new UnsupportedError(
      `the webgpu backend computes networks with convolutions, up to ${maxUnits} hidden units and up to ${maxLabels} labels`,
    );
  }
  return { height, width, channels, convolutions, hidden, dropout, output, parameters: offset };
}

const isPlainConvolution = ({
  kernelSize,
  strides = 1,
  activation = 'relu',
}: Extract<TrainingLayer, { type: 'conv2d' }>): boolean =>
  kernelSize % 2 === 1 && strides === 1 && activation === 'relu';

const unsupported = (index: number, layer: TrainingLayer | undefined, wrong: string) =>
  new UnsupportedError(
    `the webgpu backend computes only convolutions with 2x2 pooling, flatten, one hidden dense layer and one of logits; layer ${index + 1}, ${layer?.type ?? 'missing'}, is ${wrong}`,
  );
