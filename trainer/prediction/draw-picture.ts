import type { ModelSpec } from '../../shared/model-spec.ts';
import { drawPredictions } from '../../shared/picture/draw-predictions.ts';
import { renderPng } from '../artifacts/render-png.ts';
import { writeAtomically } from '../dataset/write-atomically.ts';
import type { ImageToPredict } from './images-to-predict.ts';
import type { ImagePrediction } from './predict-images.ts';

/**
 * Draws predicted images as the network saw them, each titled "Predicted: X, Actual: Y".
 *
 * @param path of a .png or .svg, which is replaced
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
