import type { Prediction } from '../../shared/prediction.ts';
import { toPrediction } from '../../shared/to-prediction.ts';
import { computeLogits } from '../evaluation/compute-logits.ts';
import { type BackendOptions, openModel } from '../evaluation/open-model.ts';
import type { TrainedModel } from '../evaluation/trained-model.ts';
import type { ImageToPredict } from './images-to-predict.ts';

/** What a model says of an image; as the Worker answers it. */
export type ImagePrediction = ImageToPredict['source'] &
  Prediction & { actual?: { id: number; label: string }; correct?: boolean };

/** Has a model predict images, in their order. */
export async function predictImages(
  model: TrainedModel,
  images: readonly ImageToPredict[],
  { signal, ...options }: BackendOptions & { signal?: AbortSignal },
): Promise<ImagePrediction[]> {
  if (images.length === 0) return [];
  const { labels } = model.spec;
  const { weights } = await openModel(model, options);
  const pixels = new Uint8Array(Buffer.concat(images.map((image) => image.pixels)));
  const all = { images: pixels, count: images.length };
  const logits = await computeLogits(model.spec, weights, all, signal);
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
