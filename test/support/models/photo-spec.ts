import type { ModelSpec } from '../../../shared/model/model-spec.ts';

/** Sides of photo networks, in pixels. */
export const photoSides = [160, 224];
export const photoLabels = ['cup', 'hat', 'key', 'leaf', 'shoe'];

/** What a manifest says about a network for photos; the Worker reads its layers from model.json. */
export const photoSpec = (side: number): Omit<ModelSpec, 'name' | 'layers'> => ({
  inputShape: [side, side, 3],
  labels: photoLabels,
  preprocessing: {
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    fit: 'stretch',
    background: { kind: 'keep' },
  },
});

/** @returns [side, side, 3], a gradient with stripes that differ from index to index */
export function photoPixels(side: number, index: number): Uint8Array<ArrayBuffer> {
  const pixels = new Uint8Array(side * side * 3);
  for (let i = 0; i < pixels.length; i++) {
    const [row, column, channel] = [Math.floor(i / 3 / side), Math.floor(i / 3) % side, i % 3];
    pixels[i] = (row * (channel + 1) + ((column * (index + 2)) % 64) + 40 * index) % 256;
  }
  return pixels;
}
