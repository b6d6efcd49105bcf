import { writeAtomically } from '../../node/files.ts';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import { toPrediction } from '../../shared/model/predict.ts';
import type { Prediction } from '../../shared/model/prediction.ts';
import { drawPredictions } from '../../shared/picture/draw-predictions.ts';
import { renderPng } from '../run/render-png.ts';
import type { ImageToPredict } from './images-to-predict.ts';
import { type BackendOptions, openModel } from './open-model.ts';
import type { TrainedModel } from './trained-model.ts';

/** A model's prediction for an image, with the Worker's field names. */
export type ImagePrediction = ImageToPredict['source'] &
  Prediction & { actual?: { id: number; label: string }; correct?: boolean };

/** Predicts images with a model, in their order. */
export async function predictImages(
  model: TrainedModel,
  images: readonly ImageToPredict[],
  { signal, ...options }: BackendOptions & { signal?: AbortSignal },
): Promise<ImagePrediction[]> {
  if (images.length === 0) return [];
  const { labels } = model.spec;
  const { logitsOf } = await openModel(model, options);
  const pixels = new Uint8Array(Buffer.concat(images.map((image) => image.pixels)));
  const all = { images: pixels, count: images.length };
  const logits = await logitsOf(all, signal);
  return images.map(({ source, actual }, position) => {
    const row = logits.subarray(position * labels.length, (position + 1) * labels.length);
    const prediction = toPrediction(row, labels);
    if (actual === undefined) return { ...source, ...prediction };
    const known = { id: actual, label: labels[actual] as string };
    return {
      ...source,
      ...prediction,
      actual: known,
      correct: prediction.predicted.id === actual,
    };
  });
}

/**
 * Draws images as the network saw them, each titled "Predicted: X, Actual: Y".
 *
 * @param path a .png or .svg file, which is replaced
 */
export async function drawPicture(
  path: string,
  { inputShape }: ModelSpec,
  images: readonly ImageToPredict[],
  predictions: readonly ImagePrediction[],
): Promise<void> {
  const [height, width] = inputShape;
  const svg = drawPredictions(
    predictions.map(({ predicted, actual }, position) => ({
      pixels: images[position]?.pixels as Uint8Array,
      height,
      width,
      predicted: predicted.label,
      actual: actual?.label,
    })),
  );
  const isSvg = path.toLowerCase().endsWith('.svg');
  await writeAtomically(path, isSvg ? new TextEncoder().encode(svg) : await renderPng(svg));
}
