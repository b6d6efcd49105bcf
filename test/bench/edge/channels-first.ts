import type { io } from '@tensorflow/tfjs-core';
import type { ModelSpec } from '../../../shared/model/model-spec.ts';

/** A layer in PyTorch's and ONNX's order: channels before height and width, outputs before inputs. */
export type ChannelsFirstLayer =
  | {
      type: 'conv2d';
      kernelSize: number;
      shape: number[];
      weight: Float32Array;
      bias: Float32Array;
    }
  | { type: 'dense'; relu: boolean; shape: number[]; weight: Float32Array; bias: Float32Array }
  | { type: 'maxPool2d'; poolSize: number }
  | { type: 'flatten' };

/**
 * Converts a layers model's weights to layers with which a channels-first library computes the same logits. Dropout is omitted,
 * because it has no effect at inference.
 *
 * @param weights the content of weights.bin
 * @throws {RangeError} if the weights do not match the spec
 */
export function channelsFirst(
  spec: ModelSpec,
  weightSpecs: readonly io.WeightsManifestEntry[],
  weights: Uint8Array,
): ChannelsFirstLayer[] {
  const tensors = splitTensors(weightSpecs, weights).values();
  const next = (length: number) => {
    const { value } = tensors.next();
    if (value?.length === length) return value;
    throw new RangeError(`A tensor has ${value?.length ?? 'no'} numbers, ${length} were expected.`);
  };
  let [height, width, channels]: [number, number, number] = spec.inputShape;
  let inputs = 0;
  const layers: ChannelsFirstLayer[] = [];
  for (const layer of spec.layers) {
    if (layer.type === 'conv2d') {
      const { kernelSize, filters } = layer;
      const kernel = next(kernelSize ** 2 * channels * filters); // [k * k, in, out]
      const weight = reverseAxes(kernel, [kernelSize ** 2, channels, filters]);
      const shape = [filters, channels, kernelSize, kernelSize];
      layers.push({ type: 'conv2d', kernelSize, shape, weight, bias: next(filters) });
      channels = filters;
    } else if (layer.type === 'maxPool2d') {
      const { poolSize } = layer;
      layers.push({ type: 'maxPool2d', poolSize });
      height = Math.floor(height / poolSize);
      width = Math.floor(width / poolSize);
    } else if (layer.type === 'flatten') {
      layers.push({ type: 'flatten' });
      inputs = height * width * channels;
    } else if (layer.type === 'dense') {
      const kernel = next(inputs * layer.units);
      // After flattening, inputs are ordered by height, width, channel. Other inputs have one axis.
      const weight = reverseAxes(kernel, [inputs / channels, channels, layer.units]); // [out, in]
      const shape = [layer.units, inputs];
      const relu = layer.activation === 'relu';
      layers.push({ type: 'dense', relu, shape, weight, bias: next(layer.units) });
      inputs = layer.units;
      channels = layer.units;
    }
  }
  return layers;
}

function splitTensors(specs: readonly io.WeightsManifestEntry[], weights: Uint8Array) {
  const numbers = new Float32Array(weights.slice().buffer);
  let offset = 0;
  return specs.map(({ shape }) => {
    const start = offset;
    offset += shape.reduce((product, size) => product * size, 1);
    return numbers.subarray(start, offset);
  });
}

/** @returns [a, b, c] as [c, b, a] */
function reverseAxes(values: Float32Array, [a, b, c]: [number, number, number]): Float32Array {
  const result = new Float32Array(values.length);
  for (let i = 0; i < a; i++) {
    for (let j = 0; j < b; j++) {
      for (let k = 0; k < c; k++) {
        result[(k * b + j) * a + i] = values[(i * b + j) * c + k] as number;
      }
    }
  }
  return result;
}
