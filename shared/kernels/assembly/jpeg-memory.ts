/** The memory of the JPEG decoder: the tables that shared/image/jpeg-scans.ts fills, and the components. */

/** Bits that the lookup of short Huffman codes covers. */
export const LOOKUP_BITS: i32 = 10;
/** The size of a Huffman table: u16 lookup[1024], i32 maxCode[18], i32 firstIndex[18], u8 symbols[256]. */
export const HUFFMAN_BYTES: usize = 2048 + 72 + 72 + 256;
export const MAX_CODE: usize = 2048;
export const FIRST_INDEX: usize = 2048 + 72;
export const SYMBOLS: usize = 2048 + 144;

/** Four DC tables, then four AC tables. */
const HUFFMAN: usize = 64;
/** Four tables of 64 f32 in the order of the kept coefficients: quantizer x scale of the inverse DCT. */
const QUANTIZERS: usize = HUFFMAN + 8 * HUFFMAN_BYTES;
/** i8 per zigzag position: the coefficient's place among the size x size that are kept, or -1 if it is dropped. */
export const KEPT: usize = QUANTIZERS + 4 * 256;
/** f32[64]: the coefficients of the current block. */
export const BLOCK: usize = (KEPT + 64 + 15) & ~15;
/** f32[64]: the values between the two passes of the inverse DCT. */
export const SCRATCH: usize = BLOCK + 256;
/** Four components of the scan, each with the fields at the offsets below. */
export const COMPONENTS: usize = SCRATCH + 256;

export const PLANE: usize = 0; // address of u8 samples
export const COEFFICIENTS: usize = 4; // address of i16[size * size] per block, or 0 if the JPEG is sequential
export const HISTORY: usize = 8; // address of u64 per block, a bit for each coefficient that is not zero, or 0
export const BLOCKS_A_LINE: usize = 12; // in memory: whole MCUs
export const WIDTH: usize = 16; // in blocks, in a scan of only this component
export const HEIGHT: usize = 20;
export const ACROSS: usize = 24; // sampling factors
export const DOWN: usize = 28;
export const DC_TABLE: usize = 32;
export const AC_TABLE: usize = 36;
export const QUANTIZER: usize = 40;
export const PREDICTION: usize = 44;
const COMPONENT_BYTES: usize = 48;

/** The end of the tables, a multiple of 16. The input starts after them. */
const TABLES_END: usize = COMPONENTS + 4 * COMPONENT_BYTES;

export function huffmanAddress(index: i32): usize {
  return HUFFMAN + <usize>index * HUFFMAN_BYTES;
}
export function quantizerAddress(index: i32): usize {
  return QUANTIZERS + ((<usize>index) << 8);
}
export function keptAddress(): usize {
  return KEPT;
}
export function componentAddress(index: i32): usize {
  return COMPONENTS + <usize>index * COMPONENT_BYTES;
}
export function tablesEnd(): usize {
  return TABLES_END;
}
