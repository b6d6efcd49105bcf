/** The slope of the light across a picture: a plane that is fitted to the luma of its border. */
import { COLOURS, SCRATCH } from './garment-memory';

/** Residuals of luma, 0 to 100, that halve a pixel's weight: first far from the plane, then near. */
const FIRST_SCALE: f64 = 16;
const SCALE: f64 = 8;
const FITS: i32 = 4;
/** A small value on the diagonal keeps a border without extent solvable. */
const DIAGONAL: f64 = 1e-3;

let slopeX: f64 = 0;
let slopeY: f64 = 0;
let constant: f64 = 0;

/** How much brighter than the middle the background is at a pixel. */
export function lightAt(x: i32, y: i32, width: i32, height: i32): f64 {
  return slopeX * (<f64>x / width - 0.5) + slopeY * (<f64>y / height - 0.5);
}

/** Fits the plane, with weights that ignore what is not background. */
export function measureLight(width: i32, height: i32, border: i32): void {
  slopeX = 0;
  slopeY = 0;
  constant = medianOfBorder(width, height, border);
  for (let i = 0; i < FITS; i++) fit(width, height, border, i == 0 ? FIRST_SCALE : SCALE);
}

/** @returns the next pixel of the border after x: the rows in the middle have it only at their ends */
// @ts-ignore: decorator
@inline
function nextX(x: i32, y: i32, width: i32, height: i32, border: i32): i32 {
  const isInside = x == border - 1 && y >= border && y < height - border;
  return isInside ? max(x + 1, width - border) : x + 1;
}

// @ts-ignore: decorator
@inline
function levelAt(x: i32, y: i32, width: i32): f64 {
  return <f64>load<f32>(COLOURS + (<usize>(y * width + x) << 4), 12) / 2.55;
}

function medianOfBorder(width: i32, height: i32, border: i32): f64 {
  let count: i32 = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x = nextX(x, y, width, height, border)) {
      store<f32>(SCRATCH + (<usize>count << 2), <f32>levelAt(x, y, width));
      count++;
    }
  }
  sort(count);
  return load<f32>(SCRATCH + (<usize>(count >> 1) << 2));
}

/** Shell's sort, in steps that are each less than half of the last. */
function sort(count: i32): void {
  for (let step = 701; step > 0; step = step * 4 / 9) {
    for (let i = step; i < count; i++) {
      const value = load<f32>(SCRATCH + (<usize>i << 2));
      let at = i;
      for (; at >= step; at -= step) {
        const before = load<f32>(SCRATCH + (<usize>(at - step) << 2));
        if (before <= value) break;
        store<f32>(SCRATCH + (<usize>at << 2), before);
      }
      store<f32>(SCRATCH + (<usize>at << 2), value);
    }
  }
}

/** Weighted least squares by Cramer's rule. */
function fit(width: i32, height: i32, border: i32, scale: f64): void {
  let xx = DIAGONAL, xy: f64 = 0, x1: f64 = 0, yy = DIAGONAL, y1: f64 = 0, n = DIAGONAL;
  let xv: f64 = 0, yv: f64 = 0, v1: f64 = 0;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column = nextX(column, row, width, height, border)) {
      const x = <f64>column / width - 0.5;
      const y = <f64>row / height - 0.5;
      const value = levelAt(column, row, width);
      const residual = (value - constant - slopeX * x - slopeY * y) / scale;
      const weight = 1 / (1 + residual * residual);
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
  }
  const whole = determinant(xx, xy, x1, xy, yy, y1, x1, y1, n);
  slopeX = determinant(xv, xy, x1, yv, yy, y1, v1, y1, n) / whole;
  slopeY = determinant(xx, xv, x1, xy, yv, y1, x1, v1, n) / whole;
  constant = determinant(xx, xy, xv, xy, yy, yv, x1, y1, v1) / whole;
}

function determinant(
  a: f64, b: f64, c: f64,
  d: f64, e: f64, f: f64,
  g: f64, h: f64, i: f64,
): f64 {
  return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
}
