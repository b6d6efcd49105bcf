/** The places of the inflater's tables and buffers, behind the tables of the JPEG decoder. */

/** A table of codes: u16 lookup[512] of symbol x 16 + length, u16 counts[16] of codes by length, u16 symbols[288]. */
export const COUNTS: usize = 1024;
export const SYMBOLS: usize = COUNTS + 32;
const TABLE_BYTES: usize = SYMBOLS + 576;

export const LITERALS: usize = 65536;
export const DISTANCES: usize = LITERALS + TABLE_BYTES;
/** u8 lengths[320] of the codes of a block, and of their own code. */
export const LENGTHS: usize = DISTANCES + TABLE_BYTES;
/** u32 starts[16], while a table is built: per length the position of the next symbol x 65536 + its code. */
export const STARTS: usize = LENGTHS + 320;
export const INPUT: usize = LITERALS + 8192;
const INPUT_BYTES: usize = 65536;
export const HISTORY: usize = INPUT + INPUT_BYTES;
export const HISTORY_BYTES: usize = 32768;
export const OUTPUT: usize = HISTORY + HISTORY_BYTES;
