/** Reads the bits of a JPEG's scan and the symbols of its Huffman codes. */
import { FIRST_INDEX, HUFFMAN_BYTES, LOOKUP_BITS, MAX_CODE, SYMBOLS, huffmanAddress } from './jpeg-memory';

let at: usize = 0;
let end: usize = 0;
/** The lowest `count` bits are those that are not read yet; the highest of them is the next. */
export let bits: u64 = 0;
export let count: i32 = 0;
/** Zero bits appended for missing data. Reading one of them means that the data is cut off. */
let padding: i32 = 0;

/** Starts to read the bits of a scan. */
export function openBits(from: usize, to: usize): void {
  at = from;
  end = to;
  dropBits();
}

/** @returns the address behind the bytes that were read, needed or not */
export function bitsAddress(): usize {
  return at;
}

/** Stores the reader's state after a loop that kept it in locals. */
// @ts-ignore: decorator
@inline
export function setBits(held: u64, left: i32): void {
  bits = held;
  count = left;
}

/** @returns whether more bits were read than the scan has */
// @ts-ignore: decorator
@inline
export function isCutOff(): boolean {
  return count < padding;
}

function dropBits(): void {
  bits = 0;
  count = 0;
  padding = 0;
}

/** Loads bits until there are at least 32: a code of up to 16 and its value of up to 16. The data ends at a marker. */
// @ts-ignore: decorator
@inline
export function fill(): void {
  if (at + 4 <= end) {
    const word = load<u32>(at);
    const inverse = ~word;
    // No byte is 0xff.
    if (((inverse - 0x01010101) & ~inverse & 0x80808080) == 0) {
      bits = (bits << 32) | <u64>bswap<u32>(word);
      count += 32;
      at += 4;
      return;
    }
  }
  fillByBytes();
}

function fillByBytes(): void {
  while (count <= 32) {
    let byte: u64 = 0;
    if (at < end) {
      byte = <u64>load<u8>(at);
      if (byte == 0xff) {
        if (at + 1 < end && load<u8>(at + 1) == 0) at += 2;
        else {
          byte = 0;
          padding += 8;
        }
      } else at++;
    } else padding += 8;
    bits = (bits << 8) | byte;
    count += 8;
  }
}

/** @returns the next symbol, or -1 if the next bits are not a code of the table */
// @ts-ignore: decorator
@inline
export function readSymbol(table: usize): i32 {
  if (count < 32) fill();
  const entry = <i32>load<u16>(table + (<usize>((bits >> (count - LOOKUP_BITS)) & 1023) << 1));
  if (entry) {
    count -= entry >> 8;
    return entry & 255;
  }
  return readLongSymbol(table);
}

/** Reads a symbol whose code the lookup does not cover. */
export function readLongSymbol(table: usize): i32 {
  const next = <i32>((bits >> (count - 16)) & 0xffff);
  for (let length = LOOKUP_BITS + 1; length <= 16; length++) {
    if (next < load<i32>(table + MAX_CODE + (length << 2))) {
      const index = load<i32>(table + FIRST_INDEX + (length << 2)) + (next >> (16 - length));
      if (index < 0 || index > 255) return -1;
      count -= length;
      return <i32>load<u8>(table + SYMBOLS + index);
    }
  }
  return -1;
}

/** @param length 0 to 16 */
// @ts-ignore: decorator
@inline
export function readBits(length: i32): i32 {
  if (count < length) fill();
  count -= length;
  return <i32>(bits >> count) & ((1 << length) - 1);
}

/** Reads a number whose upper half of values is positive (T.81, F.2.2.1). */
// @ts-ignore: decorator
@inline
export function readSigned(length: i32): i32 {
  return signed(readBits(length), length);
}

// @ts-ignore: decorator
@inline
export function signed(value: i32, length: i32): i32 {
  return value < 1 << (length - 1) ? value - (1 << length) + 1 : value;
}

/** Skips to the bits behind the next restart marker. @returns 0 if there is none */
export function nextInterval(): i32 {
  dropBits();
  while (at + 1 < end) {
    if (load<u8>(at) == 0xff) {
      const marker = load<u8>(at + 1);
      if (marker >= 0xd0 && marker <= 0xd7) {
        at += 2;
        return 1;
      }
      if (marker != 0 && marker != 0xff) return 0;
    }
    at++;
  }
  return 0;
}

/** @returns the address of the next marker that is not a restart, or the end */
export function nextMarker(from: usize, to: usize): usize {
  let i = from;
  while (i + 1 < to) {
    if (load<u8>(i) == 0xff) {
      const marker = load<u8>(i + 1);
      if (marker != 0 && marker != 0xff && (marker < 0xd0 || marker > 0xd7)) return i;
    }
    i++;
  }
  return to;
}

/**
 * Builds a decoding table from the counts and symbols of a DHT segment.
 *
 * @param counts u8[16]: the number of codes of 1 to 16 bits
 * @returns 1, or 0 if there are more codes than fit
 */
export function makeHuffmanTable(index: i32, counts: usize, symbols: usize): i32 {
  const table = huffmanAddress(index);
  memory.fill(table, 0, HUFFMAN_BYTES);
  let code = 0;
  let position = 0;
  for (let length = 1; length <= 16; length++) {
    const codes = <i32>load<u8>(counts + length - 1);
    store<i32>(table + FIRST_INDEX + (length << 2), position - code);
    for (let i = 0; i < codes; i++) {
      if (position > 255) return 0;
      const symbol = load<u8>(symbols + position);
      store<u8>(table + SYMBOLS + position, symbol);
      if (code >> length) return 0;
      if (length <= LOOKUP_BITS) {
        const first = code << (LOOKUP_BITS - length);
        const entry = <u16>((length << 8) | symbol);
        for (let j = 0; j < 1 << (LOOKUP_BITS - length); j++) {
          store<u16>(table + ((first + j) << 1), entry);
        }
      }
      code++;
      position++;
    }
    // The first code that is too large for this length, shifted to 16 bits.
    store<i32>(table + MAX_CODE + (length << 2), code << (16 - length));
    code <<= 1;
  }
  return 1;
}
