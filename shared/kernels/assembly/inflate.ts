/**
 * Inflates deflate data (RFC 1951) piece by piece, in memory of a fixed size.
 *
 * The caller puts input at `inflateInput()` and takes output from `inflateOutput()`; the 32 KiB before the output are its history. Codes are
 * looked up by their first bits and otherwise searched by length (as in zlib's puff.c), so that a block's tables cost little: a file may
 * have a million blocks.
 */

import {
  copyInput,
  count,
  fill,
  giveBytes,
  needsInput,
  padding,
  startBits,
  take,
  unreadBytes,
  unreadInput,
} from './inflate-bits';
import {
  DISTANCES,
  HISTORY,
  HISTORY_BYTES,
  INPUT,
  LENGTHS,
  LITERALS,
  OUTPUT,
} from './inflate-memory';
import { buildTable, readSymbol } from './inflate-tables';

/** The results of `inflate`. */
const INVALID: i32 = 0;
const NEEDS_INPUT: i32 = 1;
const OUTPUT_FULL: i32 = 2;
const DONE: i32 = 3;

/** A match of 258 bytes, copied 8 at a time, may follow the last full check. */
const OUTPUT_LIMIT: usize = OUTPUT + 65536 - 272;

/** The cost of a block is its tables. zlib puts at least 127 bytes into each, if it is configured with the least memory. */
const MAX_SMALL_BLOCKS: i64 = 4096;
const MIN_BLOCK_BYTES: i64 = 64;

/** The longest header of a block in bytes, and the longest code with its distance. */
const MAX_HEADER_BYTES: usize = 512;
const MAX_CODE_BYTES: usize = 16;

// The start of the next part of the data.
const IN_HEADER: i32 = 0;
const IN_STORED: i32 = 1;
const IN_CODES: i32 = 2;
const AT_END: i32 = 3;

let out: usize = 0;
/** The first byte of history that has been written. */
let oldest: usize = 0;
let stage: i32 = 0;
let isFinal: i32 = 0;
let storedLeft: i32 = 0;
/** Blocks with tables, and bytes of output before those in memory. */
let blocks: i64 = 0;
let written: i64 = 0;

export function inflateInput(): usize {
  return INPUT;
}
export function inflateOutput(): usize {
  return OUTPUT;
}

/** Starts with new data. */
export function inflateStart(): void {
  startBits();
  out = OUTPUT;
  oldest = OUTPUT;
  stage = IN_HEADER;
  isFinal = 0;
  blocks = 0;
  written = 0;
}

/** @param last whether no input follows these bytes */
export function inflateGive(bytes: usize, last: i32): void {
  giveBytes(bytes, last);
}

/** @returns bytes at the end of the input that have not been read */
export function inflateUnread(): usize {
  return unreadInput();
}

/** @returns bytes of output since the last call of `inflate` */
export function inflated(): usize {
  return out - OUTPUT;
}

/** Inflates until the input or the room for output ends. @returns one of the results above */
export function inflate(): i32 {
  moveHistory();
  while (true) {
    let result = INVALID;
    if (stage == AT_END) return DONE;
    if (stage == IN_HEADER) result = readHeader();
    else if (stage == IN_STORED) result = copyStored();
    else result = readCodes();
    if (result != DONE) return result;
    if (count < padding) return NEEDS_INPUT;
  }
}

/** Keeps the last 32 KiB of the output as history. */
function moveHistory(): void {
  const moved = out - OUTPUT;
  if (moved == 0) return;
  written += moved;
  memory.copy(HISTORY, HISTORY + moved, HISTORY_BYTES);
  out = OUTPUT;
  oldest = oldest < HISTORY + moved ? HISTORY : oldest - moved;
}

/** Reads the header of a block. */
function readHeader(): i32 {
  if (isFinal) {
    unreadBytes();
    stage = AT_END;
    return DONE;
  }
  if (needsInput(MAX_HEADER_BYTES)) {
    unreadBytes();
    return NEEDS_INPUT;
  }
  fill();
  isFinal = take(1);
  const type = take(2);
  if (type == 0) {
    take(count & 7);
    fill();
    storedLeft = take(16);
    if (storedLeft != (take(16) ^ 0xffff)) return count < padding ? NEEDS_INPUT : INVALID;
    unreadBytes();
    stage = IN_STORED;
    return DONE;
  }
  if (type == 3) return INVALID;
  const built = type == 1 ? fixedTables() : dynamicTables();
  if (!built) return count < padding ? NEEDS_INPUT : INVALID;
  stage = IN_CODES;
  return DONE;
}

function copyStored(): i32 {
  while (storedLeft > 0) {
    const room = <i32>(OUTPUT_LIMIT - out);
    if (room <= 0) return OUTPUT_FULL;
    const available = <i32>unreadInput();
    if (available == 0) return NEEDS_INPUT;
    const length = min(storedLeft, min(room, available));
    copyInput(out, length);
    out += length;
    storedLeft -= length;
  }
  stage = IN_HEADER;
  return DONE;
}

function fixedTables(): i32 {
  memory.fill(LENGTHS, 8, 144);
  memory.fill(LENGTHS + 144, 9, 112);
  memory.fill(LENGTHS + 256, 7, 24);
  memory.fill(LENGTHS + 280, 8, 8);
  buildTable(LITERALS, LENGTHS, 288);
  memory.fill(LENGTHS, 5, 32);
  buildTable(DISTANCES, LENGTHS, 32);
  return 1;
}

/** Section 3.2.7. @returns 0 if the codes are invalid */
function dynamicTables(): i32 {
  const allowed = MAX_SMALL_BLOCKS + (written + <i64>(out - OUTPUT)) / MIN_BLOCK_BYTES;
  if (++blocks > allowed) return 0;
  const literals = take(5) + 257;
  const distances = take(5) + 1;
  const codes = take(4) + 4;
  if (literals > 286 || distances > 30) return 0;
  memory.fill(LENGTHS, 0, 320);
  for (let i = 0; i < codes; i++) {
    if (count < 3) fill();
    // 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15
    const symbol = i < 3 ? 16 + i : i == 3 ? 0 : i & 1 ? 7 - ((i - 5) >> 1) : 8 + ((i - 4) >> 1);
    store<u8>(LENGTHS + symbol, take(3));
  }
  if (!buildTable(LITERALS, LENGTHS, 19)) return 0;
  memory.fill(LENGTHS, 0, 320);
  const all = literals + distances;
  let previous = 0;
  for (let i = 0; i < all; ) {
    fill();
    const symbol = readSymbol(LITERALS);
    if (symbol < 0) return 0;
    if (symbol < 16) {
      store<u8>(LENGTHS + i++, symbol);
      previous = symbol;
      continue;
    }
    if (symbol == 16 && i == 0) return 0;
    if (symbol > 16) previous = 0;
    const times = symbol == 16 ? 3 + take(2) : symbol == 17 ? 3 + take(3) : 11 + take(7);
    if (i + times > all) return 0;
    memory.fill(LENGTHS + i, <u8>previous, times);
    i += times;
  }
  // Without the code of the block's end.
  if (load<u8>(LENGTHS + 256) == 0) return 0;
  if (!buildTable(LITERALS, LENGTHS, literals)) return 0;
  return buildTable(DISTANCES, LENGTHS + literals, distances);
}

/** Reads literals and matches up to the end of the block. */
function readCodes(): i32 {
  while (true) {
    if (out > OUTPUT_LIMIT) return OUTPUT_FULL;
    if (needsInput(MAX_CODE_BYTES)) {
      unreadBytes();
      return NEEDS_INPUT;
    }
    fill();
    const symbol = readSymbol(LITERALS);
    if (symbol < 256) {
      if (symbol < 0) return count < padding ? NEEDS_INPUT : INVALID;
      if (count < padding) return NEEDS_INPUT;
      store<u8>(out++, symbol);
      continue;
    }
    if (symbol == 256) {
      stage = IN_HEADER;
      return DONE;
    }
    if (!copyMatch(symbol - 257)) return count < padding ? NEEDS_INPUT : INVALID;
  }
}

/** @param code of the length, 0 to 28 @returns 0 if the match is invalid */
// @ts-ignore: decorator
@inline
function copyMatch(code: i32): i32 {
  if (code > 28) return 0;
  let length = code + 3;
  if (code == 28) length = 258;
  else if (code >= 8) {
    const extra = (code >> 2) - 1;
    length = ((4 + (code & 3)) << extra) + 3 + take(extra);
  }
  const symbol = readSymbol(DISTANCES);
  if (symbol < 0 || symbol > 29) return 0;
  let distance = symbol + 1;
  if (symbol >= 4) {
    const extra = (symbol >> 1) - 1;
    distance = ((2 + (symbol & 1)) << extra) + 1 + take(extra);
  }
  if (count < padding) return 0;
  const from = out - <usize>distance;
  if (from < oldest) return 0;
  if (distance == 1) memory.fill(out, load<u8>(from), length);
  else if (distance >= 8) {
    for (let i: usize = 0; i < <usize>length; i += 8) store<u64>(out + i, load<u64>(from + i));
  } else {
    for (let i: usize = 0; i < <usize>length; i++) store<u8>(out + i, load<u8>(from + i));
  }
  out += <usize>length;
  return 1;
}
