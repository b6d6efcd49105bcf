/** The bits of deflate data, which arrives in pieces. Zero bits stand for those that are missing. */
import { INPUT } from './inflate-memory';

let at: usize = 0;
let end: usize = 0;
let isLast: i32 = 0;
/** The lowest `count` bits are those that are not read yet; the lowest is the next. */
export let bits: u64 = 0;
export let count: i32 = 0;
/** Zero bits appended for missing data. Reading one of them means that the data is cut off. */
export let padding: i32 = 0;

/** Starts with new data. */
export function startBits(): void {
  at = INPUT;
  end = INPUT;
  isLast = 0;
  bits = 0;
  count = 0;
  padding = 0;
}

/** @param last whether no input follows these bytes */
export function giveBytes(bytes: usize, last: i32): void {
  at = INPUT;
  end = INPUT + bytes;
  isLast = last;
}

/** @returns bytes of the input that have not been read */
export function unreadInput(): usize {
  return end - at;
}

/** Copies bytes of the input, after `unreadBytes`. */
export function copyInput(target: usize, bytes: usize): void {
  memory.copy(target, at, bytes);
  at += bytes;
}

/** Skips bits that have been loaded. */
// @ts-ignore: decorator
@inline
export function skip(length: i32): void {
  bits >>= length;
  count -= length;
}

/** Loads bits until there are at least 56. */
// @ts-ignore: decorator
@inline
export function fill(): void {
  if (at + 8 <= end) {
    bits |= load<u64>(at) << count;
    at += <usize>((63 - count) >> 3);
    count |= 56;
  } else fillByBytes();
}

function fillByBytes(): void {
  // The fast path leaves bits above `count` behind.
  bits &= ((<u64>1) << count) - 1;
  while (count <= 55) {
    if (at < end) bits |= (<u64>load<u8>(at++)) << count;
    else padding += 8;
    count += 8;
  }
}

/** @param length 0 to 16, of bits that have been loaded */
// @ts-ignore: decorator
@inline
export function take(length: i32): i32 {
  const value = <i32>bits & ((1 << length) - 1);
  skip(length);
  return value;
}

/** Gives whole bytes back to the input. */
export function unreadBytes(): void {
  const real = max(0, count - padding);
  at -= <usize>(real >> 3);
  count = real & 7;
  bits &= ((<u64>1) << count) - 1;
  padding = 0;
}

// @ts-ignore: decorator
@inline
export function needsInput(bytes: usize): bool {
  return !isLast && end - at < bytes;
}
