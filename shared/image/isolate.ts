import type { RasterImage } from './image.ts';
import { keepLargeRegions, maskBounds, openMask } from './mask.ts';
import { resizeChannels } from './resize.ts';

/**
 * Separates a garment from its background, as the makers of Fashion-MNIST did by hand: the garment is trimmed, fitted and centred,
 * light on black.
 *
 * The foreground is found by colour: two histograms, of foreground and background, start from a guess by position (the middle against
 * the border) and are refined in rounds, as in Rother et al. 2004 (GrabCut) with one cell per colour and no graph cut. The constants were
 * chosen on 399 photos, which are by other people than the photos that measure the result.
 */

/** The longer side at which the garment is searched. */
export const searchSide = 96;
const rounds = 8;

/** Histogram cells: luma x blue difference x red difference, each `cellWidth` wide. */
const lumaCells = 13;
const chromaCells = 21;
const cellWidth = 8;
const chromaOffset = 80;

/** The weight of a pixel's colour, and a constant that lowers the weight of rare colours. */
const colourWeight = 2.5;
const rareColour = 3e-4;
/** The share of the longer side that is border, and how much more a border pixel counts as background. */
const borderShare = 0.03;
const borderWeight = 3;
/** The guess by position: its bound, the radius at which it changes sign, and its factor after each round. */
const maxPrior = 3;
const priorRadius = 0.7;
const priorDecay = 0.7;

/** The share of pixels that the largest part of a garment has at least. */
const minShare = 0.02;
/** Parts of at least this share of the largest one are kept: the second shoe of a pair. */
const minPart = 0.25;

/** Garments of about this shape are tops laid flat, with spread sleeves: the data set's are 22 pixels wide and 28 high. */
const flatTop = { minAspect: 0.8, maxAspect: 1.4, squeeze: 22 / 28 };

export interface IsolateOptions {
  /** Size of the network's input in pixels. */
  height: number;
  width: number;
  /** The grey level that the garment's mean is shifted to (default: not shifted). */
  mean?: number | undefined;
}

/**
 * @param image opaque; alpha is ignored
 * @returns the network's input, height x width values of 0 black to 255 white, and the part of the picture that it shows; `null` if no
 *   garment is found
 */
export function isolate(image: RasterImage, options: IsolateOptions) {
  const scale = Math.min(1, searchSide / Math.max(image.width, image.height));
  const small = {
    width: Math.max(8, Math.round(image.width * scale)),
    height: Math.max(8, Math.round(image.height * scale)),
  };
  const rgba = resizeChannels(image.data, image.width, image.height, 4, small.width, small.height);
  const luma = Float32Array.from({ length: small.width * small.height }, (_, i) => lumaAt(rgba, i));
  const mask = findForeground(rgba, luma, small.width, small.height);
  const size = keepLargeRegions(mask, small.width, small.height, minPart);
  if (size < minShare * mask.length) return null;
  const box = maskBounds(mask, small.width);
  const pixels = fitGarment(mask, luma, small.width, box, options);
  const [across, down] = [image.width / small.width, image.height / small.height];
  const crop = {
    x: box.left * across,
    y: box.top * down,
    width: box.width * across,
    height: box.height * down,
  };
  return { pixels, crop };
}

const lumaAt = (rgba: Float32Array, i: number) =>
  0.299 * (rgba[4 * i] as number) +
  0.587 * (rgba[4 * i + 1] as number) +
  0.114 * (rgba[4 * i + 2] as number);

/** Returns 1 for each pixel that is more likely garment than background. */
function findForeground(rgba: Float32Array, luma: Float32Array, width: number, height: number) {
  const count = width * height;
  const border = borderOf(width, height);
  const cells = cellsOf(rgba, luma, width, height, border);
  const prior = priorOf(width, height);
  const probability = Float32Array.from(prior, (logit) => 1 / (1 + Math.exp(-logit)));
  const background = new Float32Array(count);
  const evidence = new Float32Array(count);
  const scratch = new Float32Array(count);
  const histogramCells = lumaCells * chromaCells * chromaCells;
  const usedCells = Int32Array.from(new Set(cells));
  const cellEvidence = new Float32Array(histogramCells);
  const foregroundColours = new Float32Array(histogramCells);
  const backgroundColours = new Float32Array(histogramCells);
  const colours = new Float32Array(histogramCells);
  for (let round = 0, decay = 1; round < rounds; round++, decay *= priorDecay) {
    for (let i = 0; i < count; i++) {
      background[i] = (1 - (probability[i] as number)) * (border[i] ? borderWeight : 1);
    }
    histogram(cells, probability, foregroundColours, colours);
    histogram(cells, background, backgroundColours, colours);
    for (const cell of usedCells) {
      const ratio =
        ((foregroundColours[cell] as number) + rareColour) /
        ((backgroundColours[cell] as number) + rareColour);
      cellEvidence[cell] = colourWeight * Math.log(ratio);
    }
    for (let i = 0; i < count; i++) evidence[i] = cellEvidence[cells[i] as number] as number;
    boxMean(evidence, scratch, width, height);
    boxMean(evidence, scratch, width, height);
    for (let i = 0; i < count; i++) {
      const logit = (evidence[i] as number) + decay * (prior[i] as number);
      probability[i] = 1 / (1 + Math.exp(-Math.max(-30, Math.min(30, logit))));
    }
  }
  const mask = Uint8Array.from(probability, (value) => (value > 0.5 ? 1 : 0));
  openMask(mask, width, height);
  return mask;
}

function borderOf(width: number, height: number): Uint8Array {
  const band = Math.max(1, Math.round(borderShare * Math.max(width, height)));
  const border = new Uint8Array(width * height).fill(1);
  for (let y = band; y < height - band; y++)
    border.fill(0, y * width + band, (y + 1) * width - band);
  return border;
}

/** The log-odds that each pixel is garment, by its position: positive within a rounded square, negative towards the border. */
function priorOf(width: number, height: number): Float32Array {
  const powersAlong = (length: number) =>
    Array.from({ length }, (_, i) => (((i + 0.5) / length) * 2 - 1) ** 4);
  const columns = powersAlong(width);
  const prior = new Float32Array(width * height);
  for (const [y, row] of powersAlong(height).entries()) {
    for (const [x, column] of columns.entries()) {
      const radius = Math.sqrt(Math.sqrt(column + row));
      const logit = (maxPrior * (priorRadius - radius)) / (1 - priorRadius);
      prior[y * width + x] = Math.max(-maxPrior, Math.min(maxPrior, logit));
    }
  }
  return prior;
}

/** The histogram cell of each pixel's colour, without the slope of the light across the picture. */
function cellsOf(
  rgba: Float32Array,
  luma: Float32Array,
  width: number,
  height: number,
  border: Uint8Array,
): Int32Array {
  const slope = borderSlope(luma, width, height, border);
  const bounded = (value: number, cells: number) =>
    Math.max(0, Math.min(cells - 1, Math.trunc(value / cellWidth)));
  return Int32Array.from(luma, (value, i) => {
    const level =
      value / 2.55 -
      slope.x * ((i % width) / width - 0.5) -
      slope.y * (Math.floor(i / width) / height - 0.5);
    const blue = ((rgba[4 * i + 2] as number) - value) * 0.4 + chromaOffset;
    const red = ((rgba[4 * i] as number) - value) * 0.4 + chromaOffset;
    const cell = bounded(Math.min(100, level), lumaCells) * chromaCells;
    return (cell + bounded(blue, chromaCells)) * chromaCells + bounded(red, chromaCells);
  });
}

/** Fits a plane to the border's luma, 0 to 100, with weights that ignore what is not background; returns its slope. */
function borderSlope(luma: Float32Array, width: number, height: number, border: Uint8Array) {
  const points: { x: number; y: number; value: number }[] = [];
  for (let i = 0; i < luma.length; i++) {
    if (!border[i]) continue;
    const x = (i % width) / width - 0.5;
    const y = Math.floor(i / width) / height - 0.5;
    points.push({ x, y, value: (luma[i] as number) / 2.55 });
  }
  const sorted = points.map(({ value }) => value).sort((a, b) => a - b);
  const median = sorted[sorted.length >> 1] as number;
  let plane = { x: 0, y: 0, constant: median };
  let scale = 16;
  for (let round = 0; round < 4; round++) {
    const { x, y, constant } = plane;
    plane = fitPlane(points, (point) => {
      const residual = point.value - constant - x * point.x - y * point.y;
      return 1 / (1 + (residual / scale) ** 2);
    });
    scale = 8;
  }
  return plane;
}

/** Weighted least squares by Cramer's rule. */
function fitPlane(
  points: readonly { x: number; y: number; value: number }[],
  weightOf: (point: { x: number; y: number; value: number }) => number,
) {
  // A small value on the diagonal keeps a border without extent solvable.
  let [xx, xy, x1, yy, y1, n] = [1e-3, 0, 0, 1e-3, 0, 1e-3];
  let [xv, yv, v1] = [0, 0, 0];
  for (const point of points) {
    const weight = weightOf(point);
    const { x, y, value } = point;
    xx += weight * x * x;
    xy += weight * x * y;
    x1 += weight * x;
    yy += weight * y * y;
    y1 += weight * y;
    n += weight;
    xv += weight * x * value;
    yv += weight * y * value;
    v1 += weight * value;
  }
  const determinant = det3(xx, xy, x1, xy, yy, y1, x1, y1, n);
  return {
    x: det3(xv, xy, x1, yv, yy, y1, v1, y1, n) / determinant,
    y: det3(xx, xv, x1, xy, yv, y1, x1, v1, n) / determinant,
    constant: det3(xx, xy, xv, xy, yy, yv, x1, y1, v1) / determinant,
  };
}

function det3(...m: [number, number, number, number, number, number, number, number, number]) {
  const [a, b, c, d, e, f, g, h, i] = m;
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}

/** Adds up weights by colour, blurs [1 2 1]/4 along each axis and normalizes the sum to 1. */
function histogram(
  cells: Int32Array,
  weights: Float32Array,
  result: Float32Array,
  scratch: Float32Array,
): void {
  scratch.fill(0);
  let sum = 0;
  for (let i = 0; i < cells.length; i++) {
    const cell = cells[i] as number;
    scratch[cell] = (scratch[cell] as number) + (weights[i] as number);
    sum += weights[i] as number;
  }
  blurAxis(scratch, result, chromaCells, 1);
  blurAxis(result, scratch, chromaCells, chromaCells);
  blurAxis(scratch, result, lumaCells, chromaCells * chromaCells);
  const factor = 1 / Math.max(1e-6, sum);
  for (let i = 0; i < result.length; i++) result[i] = (result[i] as number) * factor;
}

/** Edges are repeated. */
function blurAxis(from: Float32Array, to: Float32Array, length: number, stride: number): void {
  const block = length * stride;
  for (let start = 0; start < from.length; start += block) {
    for (let position = 0; position < length; position++) {
      const at = start + position * stride;
      const before = position > 0 ? stride : 0;
      const after = position < length - 1 ? stride : 0;
      for (let i = at; i < at + stride; i++) {
        to[i] =
          0.5 * (from[i] as number) +
          0.25 * ((from[i - before] as number) + (from[i + after] as number));
      }
    }
  }
}

/** The mean of 3x3 values, in place; edges are repeated. */
function boxMean(values: Float32Array, scratch: Float32Array, width: number, height: number): void {
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const left = values[x > 0 ? i - 1 : i] as number;
      const right = values[x < width - 1 ? i + 1 : i] as number;
      scratch[i] = (left + (values[i] as number) + right) / 3;
    }
  }
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const above = scratch[y > 0 ? i - width : i] as number;
      const below = scratch[y < height - 1 ? i + width : i] as number;
      values[i] = (above + (scratch[i] as number) + below) / 3;
    }
  }
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

/** Trims the garment, fits its longer edge to the input and puts it on black, with light and dark swapped, as in the data set. */
function fitGarment(
  mask: Uint8Array,
  luma: Float32Array,
  width: number,
  box: ReturnType<typeof maskBounds>,
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
      cut[to + 1] = 255 - (luma[from] as number);
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
