/**
 * Finds the foreground of a reduced picture by colour: two histograms, of foreground and background, start from a guess by position (the
 * middle against the border) and are refined in rounds, as in Rother et al. 2004 (GrabCut) with one cell per colour and no graph cut. The
 * constants were chosen on 399 photos, which are by other people than the photos that measure the result.
 *
 * WebAssembly, because the first photo of an isolate would otherwise be searched by V8's interpreter, which takes ten times as long.
 */
import { exponential, logarithm } from './exponential';
import {
  BACKGROUND,
  BLURRED,
  CELL,
  CELLS,
  CHROMA_CELLS,
  COLOURS,
  EVIDENCE,
  FOREGROUND,
  LUMA_CELLS,
  MASK,
  PRIOR,
  PROBABILITY,
  SCRATCH,
} from './garment-memory';
import { lightAt, measureLight } from './light';
import { boundMask, keepLargeRegions, openMask } from './mask';

const ROUNDS: i32 = 8;

const CELL_WIDTH: f64 = 8;
const CHROMA_OFFSET: f64 = 80;

/** The weight of a pixel's colour, and a constant that lowers the weight of rare colours. */
const COLOUR_WEIGHT: f64 = 2.5;
const RARE_COLOUR: f64 = 3e-4;
/** The share of the longer side that is border, and how much more a border pixel counts as background. */
const BORDER_SHARE: f64 = 0.03;
const BORDER_WEIGHT: f64 = 3;
/** The guess by position: its bound, the radius at which it changes sign, and its factor after each round. */
const MAX_PRIOR: f64 = 3;
const PRIOR_RADIUS: f64 = 0.7;
const PRIOR_DECAY: f64 = 0.7;

/** The log-odds of which the probability is computed at most. */
const MAX_LOGIT: f64 = 30;

/** @returns pixels of the largest part of the garment; its mask and bounds are in memory */
export function findGarment(width: i32, height: i32): i32 {
  const border = max(1, <i32>(BORDER_SHARE * max(width, height) + 0.5));
  measureLight(width, height, border);
  chooseCells(width, height);
  guess(width, height);
  const count = width * height;
  let decay: f64 = 1;
  for (let round = 0; round < ROUNDS; round++) {
    sumColours(width, height, border);
    weighColours();
    for (let i = 0; i < count; i++) {
      const cell = load<i32>(CELL + (<usize>i << 2));
      store<f32>(EVIDENCE + (<usize>i << 2), load<f32>(FOREGROUND + (<usize>cell << 2)));
    }
    smooth(width, height);
    smooth(width, height);
    for (let i: usize = 0; i < <usize>count << 2; i += 4) {
      const logit = <f64>load<f32>(EVIDENCE + i) + decay * load<f32>(PRIOR + i);
      store<f32>(PROBABILITY + i, probabilityOf(logit));
    }
    decay *= PRIOR_DECAY;
  }
  for (let i = 0; i < count; i++) {
    store<u8>(MASK + i, <u8>(load<f32>(PROBABILITY + (<usize>i << 2)) > 0.5));
  }
  openMask(width, height);
  const size = keepLargeRegions(width, height);
  boundMask(width, height);
  return size;
}

function probabilityOf(logit: f64): f32 {
  return <f32>(1 / (1 + exponential(-max<f64>(-MAX_LOGIT, min<f64>(MAX_LOGIT, logit)))));
}

/** Stores the cell of each pixel's colour, without the slope of the light across the picture. */
function chooseCells(width: i32, height: i32): void {
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = <usize>(y * width + x);
      const colour = COLOURS + (i << 4);
      const luma = <f64>load<f32>(colour, 12);
      const level = luma / 2.55 - lightAt(x, y, width, height);
      const blue = (<f64>load<f32>(colour, 8) - luma) * 0.4 + CHROMA_OFFSET;
      const red = (<f64>load<f32>(colour) - luma) * 0.4 + CHROMA_OFFSET;
      let cell = cellAt(min<f64>(100, level), LUMA_CELLS) * CHROMA_CELLS;
      cell = (cell + cellAt(blue, CHROMA_CELLS)) * CHROMA_CELLS + cellAt(red, CHROMA_CELLS);
      store<i32>(CELL + (i << 2), cell);
    }
  }
}

function cellAt(value: f64, cells: i32): i32 {
  return max(0, min(cells - 1, <i32>(value / CELL_WIDTH)));
}

/**
 * Stores the log-odds that each pixel is garment by its position, positive within a rounded square and negative towards the border, and
 * the probability.
 */
function guess(width: i32, height: i32): void {
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const radius = sqrt(sqrt(powerAt(x, width) + powerAt(y, height)));
      const logit = (MAX_PRIOR * (PRIOR_RADIUS - radius)) / (1 - PRIOR_RADIUS);
      const i = <usize>(y * width + x) << 2;
      store<f32>(PRIOR + i, <f32>max<f64>(-MAX_PRIOR, min<f64>(MAX_PRIOR, logit)));
      store<f32>(PROBABILITY + i, probabilityOf(load<f32>(PRIOR + i)));
    }
  }
}

function powerAt(position: i32, length: i32): f64 {
  const square = ((position + 0.5) / length) * 2 - 1;
  return square * square * square * square;
}

/** Fills both histograms. */
function sumColours(width: i32, height: i32, border: i32): void {
  memory.fill(FOREGROUND, 0, CELLS << 2);
  memory.fill(BACKGROUND, 0, CELLS << 2);
  let foreground: f64 = 0;
  let background: f64 = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = <usize>(y * width + x) << 2;
      const cell = <usize>load<i32>(CELL + i) << 2;
      const isBorder = x < border || y < border || x >= width - border || y >= height - border;
      const inside = load<f32>(PROBABILITY + i);
      const outside = <f32>((1 - <f64>inside) * (isBorder ? BORDER_WEIGHT : 1));
      store<f32>(FOREGROUND + cell, load<f32>(FOREGROUND + cell) + inside);
      store<f32>(BACKGROUND + cell, load<f32>(BACKGROUND + cell) + outside);
      foreground += inside;
      background += outside;
    }
  }
  blur(FOREGROUND, foreground);
  blur(BACKGROUND, background);
}

/** Blurs a histogram by [1 2 1]/4 along each axis and normalizes its sum to 1. */
function blur(histogram: usize, sum: f64): void {
  blurAxis(histogram, BLURRED, CHROMA_CELLS, 1);
  blurAxis(BLURRED, histogram, CHROMA_CELLS, CHROMA_CELLS);
  blurAxis(histogram, BLURRED, LUMA_CELLS, CHROMA_CELLS * CHROMA_CELLS);
  const factor = 1 / max(1e-6, sum);
  for (let i: usize = 0; i < <usize>CELLS << 2; i += 4) {
    store<f32>(histogram + i, <f32>(load<f32>(BLURRED + i) * factor));
  }
}

/** Edges are repeated. */
function blurAxis(from: usize, to: usize, length: i32, stride: i32): void {
  const step = <usize>stride << 2;
  for (let start = 0; start < CELLS; start += length * stride) {
    for (let position = 0; position < length; position++) {
      const at = <usize>(start + position * stride) << 2;
      const before = position > 0 ? step : 0;
      const after = position < length - 1 ? step : 0;
      for (let i = from + at, out = to + at; i < from + at + step; i += 4, out += 4) {
        const beside = load<f32>(i - before) + load<f32>(i + after);
        store<f32>(out, <f32>0.5 * load<f32>(i) + <f32>0.25 * beside);
      }
    }
  }
}

/** Replaces the foreground's histogram by the evidence of each colour. */
function weighColours(): void {
  for (let i: usize = 0; i < <usize>CELLS << 2; i += 4) {
    const foreground = load<f32>(FOREGROUND + i);
    const background = load<f32>(BACKGROUND + i);
    // Most colours are in no picture.
    if (foreground == 0 && background == 0) continue;
    const ratio = (foreground + RARE_COLOUR) / (background + RARE_COLOUR);
    store<f32>(FOREGROUND + i, <f32>(COLOUR_WEIGHT * logarithm(ratio)));
  }
}

/** Replaces the evidence by the mean of 3x3 pixels; edges are repeated. */
function smooth(width: i32, height: i32): void {
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = EVIDENCE + (<usize>(y * width + x) << 2);
      const left = load<f32>(x > 0 ? i - 4 : i);
      const right = load<f32>(x < width - 1 ? i + 4 : i);
      store<f32>(i + (SCRATCH - EVIDENCE), (left + load<f32>(i) + right) / 3);
    }
  }
  const row = <usize>width << 2;
  for (let y = 0; y < height; y++) {
    const before = y > 0 ? row : 0;
    const after = y < height - 1 ? row : 0;
    for (let i = SCRATCH + <usize>y * row; i < SCRATCH + <usize>(y + 1) * row; i += 4) {
      const beside = load<f32>(i - before) + load<f32>(i + after);
      store<f32>(i - (SCRATCH - EVIDENCE), (beside + load<f32>(i)) / 3);
    }
  }
}
