import { resizeChannels } from './resize.ts';

/** Garments of about this shape are tops laid flat, with spread sleeves: the data set's are 22 pixels wide and 28 high. */
const flatTop = { minAspect: 0.8, maxAspect: 1.4, squeeze: 22 / 28 };

export interface IsolateOptions {
  /** Size of the network's input in pixels. */
  height: number;
  width: number;
  /** The grey level that the garment's mean is shifted to (default: not shifted). */
  mean?: number | undefined;
}

/** A part of a picture, in pixels. */
export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Returns the size in which a trimmed garment is laid into the input: its longer edge fits, and flat tops are squeezed. */
export function sizeOfGarment(
  width: number,
  height: number,
  inputWidth: number,
  inputHeight: number,
) {
  const aspect = width / height;
  if (aspect > flatTop.minAspect && aspect < flatTop.maxAspect) {
    return { width: Math.round(inputWidth * flatTop.squeeze), height: inputHeight };
  }
  const longer = Math.max(width, height);
  return {
    width: Math.max(1, Math.round((width * inputWidth) / longer)),
    height: Math.max(1, Math.round((height * inputHeight) / longer)),
  };
}

/**
 * Trims the garment, fits its longer edge to the input and puts it on black, with light and dark swapped, as in the data set.
 *
 * @param mask 1 per pixel of the garment
 * @param colours red, green, blue and luma per pixel
 * @param width of the picture
 */
export function fitGarment(
  mask: Uint8Array,
  colours: Float32Array,
  width: number,
  box: Box,
  input: IsolateOptions,
): Uint8Array {
  const size = sizeOfGarment(box.width, box.height, input.width, input.height);
  // Two channels: the mask, and the mask's part of the inverted luma.
  const cut = new Float32Array(2 * box.width * box.height);
  for (let y = 0; y < box.height; y++) {
    for (let x = 0; x < box.width; x++) {
      const from = (box.top + y) * width + box.left + x;
      if (!mask[from]) continue;
      const to = 2 * (y * box.width + x);
      cut[to] = 1;
      cut[to + 1] = 255 - (colours[4 * from + 3] as number);
    }
  }
  const fitted = resizeChannels(cut, box.width, box.height, 2, size.width, size.height);
  const shift = input.mean === undefined ? 0 : input.mean - garmentMean(fitted);
  const pixels = new Uint8Array(input.height * input.width);
  const left = (input.width - size.width) >> 1;
  const top = (input.height - size.height) >> 1;
  for (let y = 0; y < size.height; y++) {
    for (let x = 0; x < size.width; x++) {
      const i = 2 * (y * size.width + x);
      const cover = fitted[i] as number;
      const value = (fitted[i + 1] as number) + cover * shift;
      const pixel = Math.round(Math.max(0, Math.min(255 * cover, value)));
      pixels[(top + y) * input.width + left + x] = pixel;
    }
  }
  return pixels;
}

/** The mean grey level of the pixels that the garment covers by half or more; `cut` has two channels, cover and cover x grey. */
function garmentMean(cut: Float32Array): number {
  let sum = 0;
  let pixels = 0;
  for (let i = 0; i < cut.length; i += 2) {
    const cover = cut[i] as number;
    if (cover < 0.5) continue;
    sum += (cut[i + 1] as number) / cover;
    pixels++;
  }
  return sum / Math.max(1, pixels);
}
