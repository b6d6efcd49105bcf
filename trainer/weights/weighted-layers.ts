import type { ModelSpec } from '../../shared/model/model-spec.ts';

/** A layer that has a kernel and a bias, as PyTorch and TensorFlow.js lay them out. */
export interface WeightedLayer {
  type: 'conv2d' | 'dense';
  /** Its position in the spec's layers. */
  index: number;
  /** PyTorch's `weight`: [out, in, height, width] or [out, in]. */
  weightShape: readonly number[];
  /** TensorFlow.js's kernel: [height, width, in, out] or [in, out]. */
  kernelShape: readonly number[];
  biasShape: readonly number[];
  /**
   * For each value of TensorFlow.js's kernel, in order, the position of the same one in PyTorch's weight. Where a dense
   * layer follows the flattening of an image, PyTorch counts its inputs channel by channel, TensorFlow.js pixel by pixel.
   */
  weightPositions: Uint32Array;
}

/** The layers of a spec that have weights, in order. */
export function weightedLayers({ inputShape, layers }: ModelSpec): WeightedLayer[] {
  const weighted: WeightedLayer[] = [];
  let [height, width, channels] = inputShape;
  /** Pixels by channels of an image that was flattened, till a dense layer has taken it. */
  let pixels = 1;
  for (const [index, layer] of layers.entries()) {
    if (layer.type === 'conv2d') {
      weighted.push(convolution(index, layer.kernelSize, channels, layer.filters));
      channels = layer.filters;
    } else if (layer.type === 'maxPool2d') {
      height = Math.floor(height / layer.poolSize);
      width = Math.floor(width / layer.poolSize);
    } else if (layer.type === 'flatten') {
      pixels = height * width;
    } else if (layer.type === 'dense') {
      weighted.push(dense(index, pixels, channels, layer.units));
      channels = layer.units;
      pixels = 1;
    }
  }
  return weighted;
}

function convolution(index: number, size: number, inputs: number, outputs: number): WeightedLayer {
  const area = size * size;
  const weightPositions = new Uint32Array(area * inputs * outputs);
  let at = 0;
  for (let tap = 0; tap < area; tap++) {
    for (let input = 0; input < inputs; input++) {
      for (let output = 0; output < outputs; output++) {
        weightPositions[at++] = (output * inputs + input) * area + tap;
      }
    }
  }
  return {
    type: 'conv2d',
    index,
    weightShape: [outputs, inputs, size, size],
    kernelShape: [size, size, inputs, outputs],
    biasShape: [outputs],
    weightPositions,
  };
}

function dense(index: number, pixels: number, channels: number, outputs: number): WeightedLayer {
  const inputs = pixels * channels;
  const weightPositions = new Uint32Array(inputs * outputs);
  let at = 0;
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let channel = 0; channel < channels; channel++) {
      for (let output = 0; output < outputs; output++) {
        weightPositions[at++] = output * inputs + channel * pixels + pixel;
      }
    }
  }
  return {
    type: 'dense',
    index,
    weightShape: [outputs, inputs],
    kernelShape: [inputs, outputs],
    biasShape: [outputs],
    weightPositions,
  };
}
