import type { ModelSpec } from '../../shared/model/model-spec.ts';
import type { ImageSet } from '../data/dataset.ts';
import { computeLogits } from '../train/compute-logits.ts';
import { firstImages } from '../train/image-order.ts';
import { computeMetrics } from '../train/metrics.ts';
import type { LayerTensor } from '../weights/tensor.ts';

/** How pixels are scaled, and the accuracy that a network has with it. */
export interface ScaleAccuracy {
  mean: number;
  std: number;
  accuracy: number;
}

/** Few enough to take a moment, many enough to tell a wrong scale from a right one. */
const images = 500;
/** A right scale brings far more. */
const minGain = 0.05;

/**
 * Tries the scales of pixels that PyTorch programs use, on the first test images and TensorFlow.js's current backend: [0, 1], and
 * that of the training images' own mean and deviation.
 *
 * @returns the scale that makes a network clearly more accurate than its own, and both accuracies; null if none does
 */
export async function findBetterScale(
  spec: ModelSpec,
  weights: readonly LayerTensor[],
  { train, test }: { train: ImageSet; test: ImageSet },
): Promise<{ better: ScaleAccuracy; own: ScaleAccuracy; images: number } | null> {
  const sample = firstImages(test, images);
  const measure = async (scale: { mean: number; std: number }): Promise<ScaleAccuracy> => {
    const scaled = { ...spec, preprocessing: { ...spec.preprocessing, ...scale } };
    const logits = await computeLogits(scaled, weights, sample);
    const { accuracy } = computeMetrics(logits, sample.labels, spec.labels);
    return { ...scale, accuracy };
  };
  const { mean, std } = spec.preprocessing;
  const own = await measure({ mean, std });
  const others = [
    await measure({ mean: 0, std: 1 }),
    await measure({ mean: 0.5, std: 0.5 }),
    await measure(scaleOf(firstImages(train, 10_000).images)),
  ];
  const better = others.reduce((best, other) => (other.accuracy > best.accuracy ? other : best));
  if (better.accuracy < own.accuracy + minGain) return null;
  return { better, own, images: sample.count };
}

/** Returns mean and standard deviation of pixels in [0, 1], with the four digits that programs quote. */
function scaleOf(pixels: Uint8Array): { mean: number; std: number } {
  let sum = 0;
  let squares = 0;
  for (const pixel of pixels) {
    sum += pixel;
    squares += pixel * pixel;
  }
  const mean = sum / pixels.length;
  const std = Math.sqrt(Math.max(0, squares / pixels.length - mean * mean));
  const rounded = (value: number) => Number((value / 255).toFixed(4));
  return { mean: rounded(mean), std: Math.max(0.0001, rounded(std)) };
}
