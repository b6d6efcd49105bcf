import type { ModelSpec, Scale } from '../../shared/model/model-spec.ts';
import type { ImageSet } from '../data/dataset.ts';
import { scaleOfImages } from '../data/image-scale.ts';
import { computeLogits } from '../train/compute-logits.ts';
import { firstImages } from '../train/image-order.ts';
import { computeMetrics } from '../train/metrics.ts';
import type { LayerTensor } from '../weights/tensor.ts';

/** How pixels are scaled, and the accuracy that a network has with it. */
export interface ScaleAccuracy extends Scale {
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
  const measure = async (scale: Scale): Promise<ScaleAccuracy> => {
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
    await measure(scaleOfImages(firstImages(train, 10_000), spec.inputShape[2])),
  ];
  const better = others.reduce((best, other) => (other.accuracy > best.accuracy ? other : best));
  if (better.accuracy < own.accuracy + minGain) return null;
  return { better, own, images: sample.count };
}
