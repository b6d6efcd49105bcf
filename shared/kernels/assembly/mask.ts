/** The mask of a garment: a byte a pixel, row by row, 1 for the garment and 0 for the background. */
import { BOUNDS, CELL, EVIDENCE, MASK, PRIOR, SCRATCH } from './garment-memory';

/** Parts of at least this share of the largest one are kept: the second shoe of a pair. */
const MIN_PART: f64 = 0.25;

// Areas that the search needs no longer.
/** i32 per pixel: the number of its region. */
const LABELS: usize = CELL;
/** i32 per region: its pixels, and whether it touches the edge of the picture. */
const SIZES: usize = PRIOR;
const AT_EDGE: usize = EVIDENCE;
/** i32: pixels whose neighbours are still to be visited. */
const STACK: usize = SCRATCH;
let waiting: i32 = 0;

/** Removes the parts that are narrower than 2x2 pixels. */
export function openMask(width: i32, height: i32): void {
  const row = <usize>width;
  const count = <usize>height * row;
  memory.fill(SCRATCH, 0, count);
  for (let y = 1; y < height; y++) {
    for (let x = 1; x < width; x++) {
      const at = MASK + <usize>(y * width + x);
      const square = load<u8>(at) & load<u8>(at - 1) & load<u8>(at - row) & load<u8>(at - row - 1);
      store<u8>(at + (SCRATCH - MASK), square);
    }
  }
  memory.fill(MASK, 0, count);
  for (let at = MASK; at < MASK + count; at++) {
    if (!load<u8>(at + (SCRATCH - MASK))) continue;
    store<u8>(at, 1);
    store<u8>(at - 1, 1);
    store<u8>(at - row, 1);
    store<u8>(at - row - 1, 1);
  }
}

/**
 * Keeps the largest region and those of at least a share of its size, and fills their holes.
 *
 * @returns pixels of the largest region, 0 if there is none
 */
export function keepLargeRegions(width: i32, height: i32): i32 {
  const count = width * height;
  const regions = labelRegions(width, height, 1);
  let largest: i32 = 0;
  for (let i = 1; i <= regions; i++) largest = max(largest, load<i32>(SIZES + (<usize>i << 2)));
  for (let i = 0; i < count; i++) {
    const size = load<i32>(SIZES + (<usize>labelOf(i) << 2));
    if (<f64>size < MIN_PART * largest) store<u8>(MASK + i, 0);
  }
  labelRegions(width, height, 0);
  for (let i = 0; i < count; i++) {
    if (!load<u8>(MASK + i) && !load<i32>(AT_EDGE + (<usize>labelOf(i) << 2))) {
      store<u8>(MASK + i, 1);
    }
  }
  return largest;
}

function labelOf(i: i32): i32 {
  return load<i32>(LABELS + (<usize>i << 2));
}

/** Numbers the 4-connected regions of a value from 1 on. @returns how many there are */
function labelRegions(width: i32, height: i32, value: u8): i32 {
  const count = width * height;
  memory.fill(LABELS, 0, <usize>count << 2);
  store<i32>(SIZES, 0);
  let label: i32 = 0;
  for (let start = 0; start < count; start++) {
    if (load<u8>(MASK + start) != value || labelOf(start)) continue;
    label++;
    let size: i32 = 0;
    let isAtEdge: i32 = 0;
    visit(start, value, label);
    while (waiting > 0) {
      waiting--;
      const i = load<i32>(STACK + (<usize>waiting << 2));
      const x = i % width;
      const y = i / width;
      size++;
      isAtEdge |= <i32>(x == 0 || y == 0 || x == width - 1 || y == height - 1);
      if (x > 0) visit(i - 1, value, label);
      if (x < width - 1) visit(i + 1, value, label);
      if (y > 0) visit(i - width, value, label);
      if (y < height - 1) visit(i + width, value, label);
    }
    store<i32>(SIZES + (<usize>label << 2), size);
    store<i32>(AT_EDGE + (<usize>label << 2), isAtEdge);
  }
  return label;
}

function visit(i: i32, value: u8, label: i32): void {
  if (load<u8>(MASK + i) != value || labelOf(i)) return;
  store<i32>(LABELS + (<usize>i << 2), label);
  store<i32>(STACK + (<usize>waiting << 2), i);
  waiting++;
}

/** Stores the smallest rectangle around the garment, in pixels. */
export function boundMask(width: i32, height: i32): void {
  let left = width, right = -1, top = height, bottom = -1;
  for (let i = 0; i < width * height; i++) {
    if (!load<u8>(MASK + i)) continue;
    left = min(left, i % width);
    right = max(right, i % width);
    top = min(top, i / width);
    bottom = max(bottom, i / width);
  }
  store<i32>(BOUNDS, left);
  store<i32>(BOUNDS, top, 4);
  store<i32>(BOUNDS, right - left + 1, 8);
  store<i32>(BOUNDS, bottom - top + 1, 12);
}
