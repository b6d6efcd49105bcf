import type { ModelSpec } from '../../shared/model/model-spec.ts';

/** A layer that has a kernel and a bias, as PyTorch and TensorFlow.js lay them out. */
export interface WeightedLayer {
  type: 'conv2d' | 'dense';
  /** Position in the spec's layers. */
  index: number;
  /** PyTorch's `weight`: [out, in, height, width] or [out, in]. */
  weightShape: readonly number[];
  /** TensorFlow.js's kernel: [height, width, in, out] or [in, out]. */
  kernelShape: readonly number[];
  biasShape: readonly number[];
  /** For each value of TensorFlow.js's kernel, in order, its position in PyTorch's weight. */
  weightPositions: Uint32Array;
}

/** Returns the layers of a spec that have weights, in order. */
export function weightedLayers({ inputShape, layers }: ModelSpec): WeightedLayer[] {
  const weighted: WeightedLayer[] = [];
  let [height, width, channels]: [number, number, number] = inputShape;
  /** Pixels of a flattened image until a dense layer consumes it. */
  let pixels = 1;
  for (const [index, layer] of layers.entries()) {
    if (layer.type === 'conv2d') {
      const { type, kernelSize: size, filters } = layer;
      weighted.push({
        type,
        index,
        weightShape: [filters, channels, size, size],
        kernelShape: [size, size, channels, filters],
        biasShape: [filters],
        weightPositions: positionsInWeight(size * size, channels, filters),
      });
      channels = filters;
    } else if (layer.type === 'maxPool2d') {
      height = Math.floor(height / layer.poolSize);
      width = Math.floor(width / layer.poolSize);
    } else if (layer.type === 'flatten') {
      pixels = height * width;
    } else if (layer.type === 'dense') {
      const { type, units } = layer;
      weighted.push({
        type,
        index,
        weightShape: [units, pixels * channels],
        kernelShape: [pixels * channels, units],
        biasShape: [units],
        weightPositions: positionsInWeight(pixels, channels, units),
      });
      channels = units;
      pixels = 1;
    }
  }
  return weighted;
}

/**
 * Maps a kernel [area, in, out] to a weight [out, in, area]. The area is a filter's, or that of the image that was
 * flattened before a dense layer: PyTorch counts such inputs channel by channel, TensorFlow.js pixel by pixel.
 */
function positionsInWeight(area: number, inputs: number, outputs: number): Uint32Array {
  const positions = new Uint32Array(area * inputs * outputs);
  let at = 0;
  for (let pixel = 0; pixel < area; pixel++) {
    for (let input = 0; input < inputs; input++) {
      for (let output = 0; output < outputs; output++) {
        positions[at++] = (output * inputs + input) * area + pixel;
      }
    }
  }
  return positions;
}
