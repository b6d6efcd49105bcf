/** The filters that a convolution of pictures starts with, from the pictures themselves. */
import { normalizePixels } from '../../shared/model/predict.ts';
import { publishedSpec, type TrainingSpec } from '../../shared/model/training-spec.ts';
import type { ImageSet } from '../data/dataset.ts';
import { imageIn } from '../data/image-set.ts';
import type { LayerTensor } from '../weights/tensor.ts';
import { principalAxes } from './principal-axes.ts';

/** Enough for the covariance of a few pixels: those of 2,000 images of 32x32. */
const enoughPatches = 450_000;
/** Patches of an image start at every second row and column: neighbours tell little more. */
const patchStep = 2;
/** Keeps a direction in which patches hardly differ, such as one that JPEG drops, from becoming noise. */
const minVariance = 5e-4;

/**
 * Returns the kernel and the bias of a first convolution whose outputs are uncorrelated and of variance 1 before ReLU: the principal axes
 * of the patches that it sees, the strongest first, each as a filter and as its negative (Page 2018, "How to train your ResNet 8"; Jordan
 * 2024, arXiv:2404.00498). It takes the place of the normalization that other layers have.
 *
 * @returns kernel [size, size, channels, filters] and bias [filters], all 0
 * @throws {RangeError} if the first layer is not a convolution with an even number of filters, at most twice the values of a patch
 */
export function whiteningFilters(spec: TrainingSpec, images: ImageSet): LayerTensor[] {
  const [height, width, channels] = spec.inputShape;
  const [layer] = publishedSpec(spec).layers;
  if (layer?.type !== 'conv2d') throw new RangeError('The first layer must be a convolution.');
  const { kernelSize: size, filters } = layer;
  const values = size * size * channels;
  if (filters % 2 > 0 || filters > 2 * values) {
    throw new RangeError(
      `The first convolution needs an even number of filters, from 2 to ${2 * values}, but has ${filters}.`,
    );
  }
  const covariance = new Float64Array(values * values);
  const pixels = new Float32Array(height * width * channels);
  const patch = new Float64Array(values);
  let patches = 0;
  // Images of a folder are in the order of their labels, so these are spread over all of them.
  const patchesPerImage = patchesAlong(height, size) * patchesAlong(width, size);
  const every = Math.max(1, Math.floor((images.count * patchesPerImage) / enoughPatches));
  for (let image = 0; image < images.count; image += every) {
    normalizePixels(imageIn(images, image), spec.preprocessing, pixels);
    for (let top = 0; top + size <= height; top += patchStep) {
      for (let left = 0; left + size <= width; left += patchStep) {
        for (let row = 0; row < size; row++) {
          const from = ((top + row) * width + left) * channels;
          patch.set(pixels.subarray(from, from + size * channels), row * size * channels);
        }
        addSquare(covariance, patch);
        patches++;
      }
    }
  }
  const axes = principalAxes(
    covariance.map((sum) => sum / Math.max(1, patches)),
    values,
  );
  const kernel = new Float32Array(values * filters);
  for (const [index, { axis, variance }] of axes.slice(0, filters / 2).entries()) {
    const scale = 1 / Math.sqrt(variance + minVariance);
    for (const [at, value] of axis.entries()) {
      kernel[at * filters + index] = scale * value;
      kernel[at * filters + filters / 2 + index] = -scale * value;
    }
  }
  return [
    { shape: [size, size, channels, filters], values: kernel },
    { shape: [filters], values: new Float32Array(filters) },
  ];
}

const patchesAlong = (length: number, size: number) => Math.floor((length - size) / patchStep) + 1;

/** Adds the products of all pairs of values. */
function addSquare(sums: Float64Array, values: Float64Array): void {
  const { length } = values;
  for (let row = 0; row < length; row++) {
    const value = values[row] as number;
    for (let column = 0; column < length; column++) {
      const at = row * length + column;
      sums[at] = (sums[at] as number) + value * (values[column] as number);
    }
  }
}
