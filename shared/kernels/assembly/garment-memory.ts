/**
 * The memory of the search for a garment, behind the tables of the JPEG decoder. shared/image/isolate.ts says what is searched, and calls
 * startPicture, addRow for each row, and findGarment.
 */

/** The longer side of the reduced picture at most, and its pixels. */
const MAX_SIDE: usize = 96;
const MAX_PIXELS: usize = MAX_SIDE * MAX_SIDE;

/** Cells of a histogram: luma x blue difference x red difference. */
export const LUMA_CELLS: i32 = 13;
export const CHROMA_CELLS: i32 = 21;
export const CELLS: i32 = LUMA_CELLS * CHROMA_CELLS * CHROMA_CELLS;
const HISTOGRAM_BYTES: usize = (4 * CELLS + 15) & ~15;

/** f32[4] per pixel: red, green, blue and luma. */
export const COLOURS: usize = 65536;
/** i32 per pixel: the cell of its colour. */
export const CELL: usize = COLOURS + 16 * MAX_PIXELS;
/** f32 per pixel. */
export const PRIOR: usize = CELL + 4 * MAX_PIXELS;
export const PROBABILITY: usize = PRIOR + 4 * MAX_PIXELS;
export const EVIDENCE: usize = PROBABILITY + 4 * MAX_PIXELS;
export const SCRATCH: usize = EVIDENCE + 4 * MAX_PIXELS;
/** u8 per pixel: 1 garment, 0 background. */
export const MASK: usize = SCRATCH + 4 * MAX_PIXELS;
/** i32[4]: left, top, width and height of the garment. */
export const BOUNDS: usize = MASK + MAX_PIXELS;
/** f32 per cell. */
export const FOREGROUND: usize = BOUNDS + 16;
export const BACKGROUND: usize = FOREGROUND + HISTOGRAM_BYTES;
export const BLURRED: usize = BACKGROUND + HISTOGRAM_BYTES;
/** f64[4] per column of the reduced picture: sums of the current row, and the values of the row that is added. */
export const SUMS: usize = (BLURRED + HISTOGRAM_BYTES + 15) & ~15;
export const NARROW: usize = SUMS + 32 * MAX_SIDE;
/** u8[4] per pixel of the row that is added. */
const ROW: usize = NARROW + 16 * MAX_SIDE;

export function rowAddress(): usize {
  return ROW;
}
export function coloursAddress(): usize {
  return COLOURS;
}
export function maskAddress(): usize {
  return MASK;
}
export function boundsAddress(): usize {
  return BOUNDS;
}
