/** Tables of the codes of deflate's blocks (RFC 1951, section 3.2). */
import { bits, skip } from './inflate-bits';
import { COUNTS, STARTS, SYMBOLS } from './inflate-memory';

/** Bits that a lookup covers. */
const LOOKUP_BITS: i32 = 9;

/**
 * Builds a table of codes from their lengths, u8[n].
 *
 * @returns 0 if there are too many codes, or too few, unless there is one of 1 bit or none
 */
export function buildTable(table: usize, lengths: usize, n: i32): i32 {
  memory.fill(table, 0, SYMBOLS);
  const counts = table + COUNTS;
  for (let i = 0; i < n; i++) {
    const place = counts + (<usize>load<u8>(lengths + i) << 1);
    store<u16>(place, load<u16>(place) + 1);
  }
  const used = n - <i32>load<u16>(counts);
  store<u16>(counts, 0);
  let free = 1;
  let position = 0;
  let code = 0;
  for (let length = 1; length <= 15; length++) {
    const codes = <i32>load<u16>(counts + (length << 1));
    free = (free << 1) - codes;
    if (free < 0) return 0;
    code <<= 1;
    store<i32>(STARTS + (length << 2), (position << 16) | code);
    position += codes;
    code += codes;
  }
  if (free > 0 && (used > 1 || (used == 1 && load<u16>(counts, 2) != 1))) return 0;
  for (let i = 0; i < n; i++) {
    const length = <i32>load<u8>(lengths + i);
    if (length == 0) continue;
    const next = load<i32>(STARTS + (length << 2));
    store<i32>(STARTS + (length << 2), next + 0x10001);
    store<u16>(table + SYMBOLS + (<usize>(next >>> 16) << 1), i);
    if (length > LOOKUP_BITS) continue;
    const first = reversed(next & 0xffff, length);
    for (let j = first; j < 1 << LOOKUP_BITS; j += 1 << length) {
      store<u16>(table + (<usize>j << 1), (i << 4) | length);
    }
  }
  return 1;
}

function reversed(code: i32, length: i32): i32 {
  let result = 0;
  for (let i = 0; i < length; i++) result |= ((code >> i) & 1) << (length - 1 - i);
  return result;
}

/** Reads a symbol of bits that have been loaded. @returns -1 if the next bits are not a code */
// @ts-ignore: decorator
@inline
export function readSymbol(table: usize): i32 {
  const entry = <i32>load<u16>(table + (<usize>(bits & 511) << 1));
  if (entry) {
    skip(entry & 15);
    return entry >> 4;
  }
  return readLongSymbol(table);
}

function readLongSymbol(table: usize): i32 {
  let code = 0;
  let first = 0;
  let position = 0;
  for (let length = 1; length <= 15; length++) {
    code |= <i32>(bits >> (length - 1)) & 1;
    const codes = <i32>load<u16>(table + COUNTS + (length << 1));
    if (code - codes < first) {
      skip(length);
      return <i32>load<u16>(table + SYMBOLS + (<usize>(position + code - first) << 1));
    }
    position += codes;
    first = (first + codes) << 1;
    code <<= 1;
  }
  return -1;
}
