import seedrandom from 'seedrandom';
import type { Scale } from '../../shared/model/model-spec.ts';
import { normalizePixels } from '../../shared/model/predict.ts';

/** A part of an image, in pixels, fractions included, which becomes a whole image. */
interface Crop {
  left: number;
  top: number;
  width: number;
  height: number;
  mirrored: boolean;
}

/** The smallest share of an image's area that a crop shows. */
const minArea = 0.45;

/** Red, green and blue: MobileNet has no other inputs. */
const channels = 3;

type ImageShape = readonly [height: number, width: number, channels: number];

/**
 * Draws a view of an image as a network's input, so that the network sees a picture in several ways: the image itself, mirrored, then crops,
 * of which every second one is mirrored.
 *
 * @param pixels 0 to 255
 * @param view counts from 0
 * @param seed determines the crops
 * @param target overwritten; as long as `pixels`
 */
export function drawView(
  pixels: Uint8Array,
  shape: ImageShape,
  scale: Scale,
  view: number,
  seed: string,
  target: Float32Array,
): void {
  if (view < 2) {
    drawWhole(pixels, shape, scale, view === 1, target);
    return;
  }
  resample(pixels, shape, drawCrop(shape, `${seed}/${view}`, view % 2 === 1), target);
  normalizePixels(target, scale, target);
}

/** Bytes have few levels: each is normalized once. */
function drawWhole(
  pixels: Uint8Array,
  [height, width]: ImageShape,
  scale: Scale,
  mirrored: boolean,
  target: Float32Array,
): void {
  const levels = Uint8Array.from({ length: 256 * channels }, (_, i) => i / channels);
  const table = normalizePixels(levels, scale);
  const step = mirrored ? -channels : channels;
  for (let row = 0, to = 0; row < height; row++) {
    let from = (row * width + (mirrored ? width - 1 : 0)) * channels;
    for (let column = 0; column < width; column++, from += step, to += channels) {
      for (let i = 0; i < channels; i++) {
        target[to + i] = table[(pixels[from + i] as number) * channels + i] as number;
      }
    }
  }
}

function drawCrop([height, width]: ImageShape, seed: string, mirrored: boolean): Crop {
  const random = seedrandom.alea(seed);
  const side = Math.sqrt(minArea + (1 - minArea) * random());
  return {
    left: random() * width * (1 - side),
    top: random() * height * (1 - side),
    width: width * side,
    height: height * side,
    mirrored,
  };
}

/**
 * Reads a crop with bilinear interpolation: each row of the image across, once, then down. Beyond the border, the image's last pixels
 * continue.
 */
function resample(
  pixels: Uint8Array,
  [height, width]: ImageShape,
  crop: Crop,
  target: Float32Array,
): void {
  const columns = positionsOf(width, crop.left, crop.width, crop.mirrored);
  const rows = positionsOf(height, crop.top, crop.height, false);
  const length = width * channels;
  let above = { row: -1, line: new Float64Array(length) };
  let below = { row: -1, line: new Float64Array(length) };
  for (let row = 0; row < height; row++) {
    const [before, after] = [rows.before[row] as number, rows.after[row] as number];
    if (below.row === before) [above, below] = [below, above];
    for (const [held, wanted] of [
      [above, before],
      [below, after],
    ] as const) {
      if (held.row === wanted) continue;
      held.row = wanted;
      interpolateRow(pixels.subarray(wanted * length, (wanted + 1) * length), columns, held.line);
    }
    const share = rows.share[row] as number;
    const [upper, lower] = [above.line, below.line];
    for (let i = 0, to = row * length; i < length; i++, to++) {
      const level = upper[i] as number;
      target[to] = level + share * ((lower[i] as number) - level);
    }
  }
}

/** Writes one channel after the other, without an inner loop: this decides how long a view takes. */
function interpolateRow(
  pixels: Uint8Array,
  { before, after, share }: ReturnType<typeof positionsOf>,
  line: Float64Array,
): void {
  for (let column = 0, to = 0; column < before.length; column++, to += channels) {
    const left = (before[column] as number) * channels;
    const right = (after[column] as number) * channels;
    const across = share[column] as number;
    const red = pixels[left] as number;
    const green = pixels[left + 1] as number;
    const blue = pixels[left + 2] as number;
    line[to] = red + across * ((pixels[right] as number) - red);
    line[to + 1] = green + across * ((pixels[right + 1] as number) - green);
    line[to + 2] = blue + across * ((pixels[right + 2] as number) - blue);
  }
}

/** Returns, for each new pixel of a row or column, the old ones before and after its centre, and the share of the latter. */
function positionsOf(length: number, start: number, part: number, mirrored: boolean) {
  const before = new Uint32Array(length);
  const after = new Uint32Array(length);
  const share = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    const centre = mirrored ? length - i - 0.5 : i + 0.5;
    const at = Math.min(length - 1, Math.max(0, start + (centre * part) / length - 0.5));
    before[i] = Math.floor(at);
    after[i] = Math.min(length - 1, Math.floor(at) + 1);
    share[i] = at - Math.floor(at);
  }
  return { before, after, share };
}
