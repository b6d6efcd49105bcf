import { layerShapes } from '../../shared/model/layer-shapes.ts';
import type { FoldedSpec } from '../../shared/model/training-spec.ts';

/** A layer that has a kernel and a bias, as PyTorch and TensorFlow.js lay them out. */
export interface WeightedLayer {
  type: 'conv2d' | 'depthwiseConv2d' | 'dense';
  /** Position in the spec's layers. */
  index: number;
  /** PyTorch's `weight`: [out, in, height, width], for a depthwise convolution [channels, 1, height, width], or [out, in]. */
  weightShape: readonly number[];
  /** TensorFlow.js's kernel: [height, width, in, out], for a depthwise convolution [height, width, channels, 1], or [in, out]. */
  kernelShape: readonly number[];
  biasShape: readonly number[];
  /** For each value of TensorFlow.js's kernel, in order, its position in PyTorch's weight. */
  weightPositions: Uint32Array;
}

/** Returns the layers of a spec that have weights, in order. */
export function weightedLayers(spec: Pick<FoldedSpec, 'inputShape' | 'layers'>): WeightedLayer[] {
  const shapes = layerShapes(spec);
  const weighted: WeightedLayer[] = [];
  /** Pixels of a flattened image until a dense layer consumes it. */
  let pixels = 1;
  for (const [index, layer] of spec.layers.entries()) {
    const input = shapes[index - 1] ?? spec.inputShape;
    const channels = input.at(-1) as number;
    const { type } = layer;
    if (type === 'conv2d' || type === 'depthwiseConv2d') {
      const size = layer.kernelSize;
      // Each filter of a depthwise convolution reads one channel.
      const [inputs, outputs] = type === 'conv2d' ? [channels, layer.filters] : [1, channels];
      weighted.push({
        type,
        index,
        weightShape: [outputs, inputs, size, size],
        kernelShape: [size, size, channels, type === 'conv2d' ? outputs : 1],
        biasShape: [outputs],
        weightPositions: positionsInWeight(size * size, inputs, outputs),
      });
    } else if (type === 'flatten') {
      pixels = input.slice(0, -1).reduce((product, length) => product * length, 1);
    } else if (type === 'dense') {
      weighted.push({
        type,
        index,
        weightShape: [layer.units, channels],
        kernelShape: [channels, layer.units],
        biasShape: [layer.units],
        weightPositions: positionsInWeight(pixels, channels / pixels, layer.units),
      });
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
