import * as tf from '@tensorflow/tfjs-core';
import {
  input,
  type LayersModel,
  layers,
  model,
  type SymbolicTensor,
} from '@tensorflow/tfjs-layers';
import { photoLabels } from './photo-spec.ts';

/** Builds a small network with the layers of MobileNet, on the cpu backend, with weights that are the same every time. */
export function photoModel(side: number): LayersModel {
  const images = input({ shape: [side, side, 3] });
  const follow = (x: SymbolicTensor, ...chain: { apply(x: SymbolicTensor): unknown }[]) =>
    chain.reduce((last, layer) => layer.apply(last) as SymbolicTensor, x);
  const convolution = (filters: number, kernelSize: number, strides: number) =>
    layers.conv2d({ filters, kernelSize, strides, padding: 'same', useBias: false });
  const outputs = follow(
    images,
    convolution(8, 3, 2),
    layers.batchNormalization(),
    layers.reLU({ maxValue: 6 }),
    layers.depthwiseConv2d({ kernelSize: 3, strides: 2, padding: 'same', useBias: false }),
    layers.batchNormalization(),
    layers.reLU({ maxValue: 6 }),
    convolution(16, 1, 1),
    layers.reLU({ maxValue: 6 }),
    layers.globalAveragePooling2d({}),
    layers.dense({ units: photoLabels.length }),
  );
  const built = model({ inputs: images, outputs });
  built.setWeights(
    built.getWeights().map((weight, at) => {
      const seed = at + 1;
      // Kernels start at random. Without a seed, the answers may be too alike for a test.
      if (weight.rank > 1) return tf.randomUniform(weight.shape, -0.4, 0.6, 'float32', seed);
      return tf.add(weight, tf.randomUniform(weight.shape, 0, 0.4, 'float32', seed));
    }),
  );
  return built;
}
