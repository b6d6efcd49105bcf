/** Reduces a picture row by row: every new pixel is the mean of the area it covers, as in shared/image/resize.ts. */
import { COLOURS, NARROW, rowAddress, SUMS } from './garment-memory';

/** How far red, green and blue may differ in a pixel that still counts as grey: JPEG's conversion to RGB and back rounds. */
const GREY_TOLERANCE: i32 = 8;

let fromWidth: i32 = 0;
let fromHeight: i32 = 0;
let toWidth: i32 = 0;
let toHeight: i32 = 0;
/** The row of the reduced picture that is summed up. */
let target: i32 = 0;
let grey: i32 = 0;
let transparent: i32 = 0;

export function startPicture(width: i32, height: i32, newWidth: i32, newHeight: i32): void {
  fromWidth = width;
  fromHeight = height;
  toWidth = newWidth;
  toHeight = newHeight;
  target = 0;
  grey = 0;
  transparent = 0;
  memory.fill(SUMS, 0, <usize>newWidth << 5);
}

/** @returns how many pixels are grey, or -1 if one is not opaque */
export function greyPixels(): i32 {
  return transparent ? -1 : grey;
}

/** Adds the row at rowAddress(). Rows come from the top down. */
export function addRow(y: i32): void {
  countGrey();
  narrowRow();
  const scale = <f64>fromHeight / toHeight;
  const values = <usize>toWidth << 2;
  while (target < toHeight) {
    const start = target * scale;
    const end = min(start + scale, <f64>fromHeight);
    const covered = min<f64>(y + 1, end) - max<f64>(y, start);
    for (let i: usize = 0; i < values; i++) {
      const sum = SUMS + (i << 3);
      store<f64>(sum, load<f64>(sum) + covered * load<f32>(NARROW + (i << 2)));
    }
    if (<f64>(y + 1) < end) return;
    finishRow(end - start);
    target++;
  }
}

function countGrey(): void {
  const end = rowAddress() + ((<usize>fromWidth) << 2);
  for (let at = rowAddress(); at < end; at += 4) {
    const red = <i32>load<u8>(at);
    const green = <i32>load<u8>(at, 1);
    const blue = <i32>load<u8>(at, 2);
    const spread = max(red, max(green, blue)) - min(red, min(green, blue));
    grey += <i32>(spread <= GREY_TOLERANCE);
    transparent |= <i32>(load<u8>(at, 3) != 255);
  }
}

/** Averages along the row. */
function narrowRow(): void {
  const scale = <f64>fromWidth / toWidth;
  for (let x = 0; x < toWidth; x++) {
    const start = x * scale;
    const end = min(start + scale, <f64>fromWidth);
    let red: f64 = 0;
    let green: f64 = 0;
    let blue: f64 = 0;
    for (let source = <i32>start; <f64>source < end; source++) {
      const covered = min<f64>(source + 1, end) - max<f64>(source, start);
      const at = rowAddress() + ((<usize>source) << 2);
      red += covered * load<u8>(at);
      green += covered * load<u8>(at, 1);
      blue += covered * load<u8>(at, 2);
    }
    const to = NARROW + ((<usize>x) << 4);
    const length = end - start;
    store<f32>(to, <f32>(red / length));
    store<f32>(to, <f32>(green / length), 4);
    store<f32>(to, <f32>(blue / length), 8);
  }
}

function finishRow(length: f64): void {
  for (let x = 0; x < toWidth; x++) {
    const sum = SUMS + ((<usize>x) << 5);
    const red = <f32>(load<f64>(sum) / length);
    const green = <f32>(load<f64>(sum, 8) / length);
    const blue = <f32>(load<f64>(sum, 16) / length);
    const to = COLOURS + ((<usize>(target * toWidth + x)) << 4);
    store<f32>(to, red);
    store<f32>(to, green, 4);
    store<f32>(to, blue, 8);
    store<f32>(to, <f32>(0.299 * <f64>red + 0.587 * <f64>green + 0.114 * <f64>blue), 12);
  }
  memory.fill(SUMS, 0, <usize>toWidth << 5);
}
