/** Decodes the coefficients of a JPEG's blocks, sequential and progressive. */
import { bits, count, fill, isCutOff, readBits, readLongSymbol, readSigned, readSymbol, setBits, signed } from './jpeg-bits';
import { writeSamples } from './jpeg-inverse';
import {
  AC_TABLE,
  BLOCK,
  COEFFICIENTS,
  DC_TABLE,
  HISTORY,
  KEPT,
  LOOKUP_BITS,
  PREDICTION,
  QUANTIZER,
  componentAddress,
  huffmanAddress,
  quantizerAddress,
} from './jpeg-memory';

/** Blocks left in the current end-of-band run. */
let endOfBandRun: i32 = 0;

/** Resets what one block takes over from the block before it: at the start of a scan and after a restart marker. */
export function resetBlocks(): void {
  endOfBandRun = 0;
  for (let i = 0; i < 4; i++) store<i32>(componentAddress(i) + PREDICTION, 0);
}

/** Decodes a block of a sequential JPEG and writes its samples. @returns 0 if it is corrupt */
export function sequentialBlock(component: usize, size: i32, row: i32, column: i32): i32 {
  const dc = huffmanAddress(load<i32>(component + DC_TABLE));
  const ac = huffmanAddress(4 + load<i32>(component + AC_TABLE));
  const quantizer = quantizerAddress(load<i32>(component + QUANTIZER));
  const length = readSymbol(dc);
  if (length < 0 || length > 16) return 0;
  let prediction = load<i32>(component + PREDICTION);
  if (length) prediction += readSigned(length);
  store<i32>(component + PREDICTION, prediction);
  let last = 0;
  let position = 1;
  if (size > 1) memory.fill(BLOCK, 0, <usize>(size * size) << 2);
  // The reader's state in locals: V8 keeps them in registers, but not globals.
  let held = bits;
  let left = count;
  while (position < 64) {
    if (left < 32) {
      setBits(held, left);
      fill();
      held = bits;
      left = count;
    }
    let symbol = <i32>load<u16>(ac + (<usize>((held >> (left - LOOKUP_BITS)) & 1023) << 1));
    if (symbol) {
      left -= symbol >> 8;
      symbol &= 255;
    } else {
      setBits(held, left);
      symbol = readLongSymbol(ac);
      left = count;
      if (symbol < 0) return 0;
    }
    const bitsOfValue = symbol & 15;
    if (bitsOfValue == 0) {
      if (symbol != 0xf0) break;
      position += 16;
      continue;
    }
    position += symbol >> 4;
    if (position > 63) return 0;
    left -= bitsOfValue;
    const kept = <i32>load<i8>(KEPT + position);
    if (kept >= 0) {
      const value = signed(<i32>(held >> left) & ((1 << bitsOfValue) - 1), bitsOfValue);
      last = position;
      store<f32>(BLOCK + (<usize>kept << 2), <f32>value * load<f32>(quantizer + (<usize>kept << 2)));
    }
    position++;
  }
  setBits(held, left);
  if (isCutOff()) return 0;
  store<f32>(BLOCK, <f32>prediction * load<f32>(quantizer));
  writeSamples(component, size, row, column, last);
  return 1;
}

/**
 * Decodes a band of a block's coefficients, or one more bit of each (T.81, G.1.2).
 *
 * @returns 0 if it is corrupt
 */
export function progressiveBlock(
  component: usize,
  size: i32,
  block: i32,
  first: i32,
  final: i32,
  high: i32,
  low: i32,
): i32 {
  const coefficients = load<usize>(component + COEFFICIENTS) + <usize>(block * size * size) * 2;
  if (first == 0) {
    if (high == 0) {
      const length = readSymbol(huffmanAddress(load<i32>(component + DC_TABLE)));
      if (length < 0 || length > 16) return 0;
      let prediction = load<i32>(component + PREDICTION);
      if (length) prediction += readSigned(length);
      store<i32>(component + PREDICTION, prediction);
      store<i16>(coefficients, prediction << low);
    } else if (readBits(1)) {
      store<i16>(coefficients, <i32>load<i16>(coefficients) | (1 << low));
    }
    return isCutOff() ? 0 : 1;
  }
  const ac = huffmanAddress(4 + load<i32>(component + AC_TABLE));
  const history = load<usize>(component + HISTORY) + (<usize>block << 3);
  const done =
    high == 0
      ? firstOfBand(ac, coefficients, history, first, final, low)
      : refineBand(ac, coefficients, history, first, final, low);
  return done == 0 || isCutOff() ? 0 : 1;
}

function firstOfBand(
  ac: usize,
  coefficients: usize,
  history: usize,
  first: i32,
  final: i32,
  low: i32,
): i32 {
  if (endOfBandRun > 0) {
    endOfBandRun--;
    return 1;
  }
  let nonzero = load<u64>(history);
  let position = first;
  while (position <= final) {
    const symbol = readSymbol(ac);
    if (symbol < 0) return 0;
    const run = symbol >> 4;
    const bitsOfValue = symbol & 15;
    if (bitsOfValue == 0) {
      if (run < 15) {
        endOfBandRun = (1 << run) - 1;
        if (run) endOfBandRun += readBits(run);
        break;
      }
      position += 16;
      continue;
    }
    position += run;
    if (position > 63) return 0;
    const value = readSigned(bitsOfValue) << low;
    nonzero |= (<u64>1) << position;
    const kept = <i32>load<i8>(KEPT + position);
    if (kept >= 0) store<i16>(coefficients + (<usize>kept << 1), value);
    position++;
  }
  store<u64>(history, nonzero);
  return 1;
}

/** Reads one more bit of a coefficient that is not zero. */
// @ts-ignore: decorator
@inline
function refine(coefficients: usize, position: i32, low: i32): void {
  if (readBits(1) == 0) return;
  const kept = <i32>load<i8>(KEPT + position);
  if (kept < 0) return;
  const address = coefficients + (<usize>kept << 1);
  const value = <i32>load<i16>(address);
  store<i16>(address, value > 0 ? value + (1 << low) : value - (1 << low));
}

function refineBand(
  ac: usize,
  coefficients: usize,
  history: usize,
  first: i32,
  final: i32,
  low: i32,
): i32 {
  let nonzero = load<u64>(history);
  let position = first;
  if (endOfBandRun == 0) {
    while (position <= final) {
      const symbol = readSymbol(ac);
      if (symbol < 0) return 0;
      let run = symbol >> 4;
      let value = 0;
      if ((symbol & 15) == 0) {
        if (run < 15) {
          endOfBandRun = 1 << run;
          if (run) endOfBandRun += readBits(run);
          break;
        }
      } else {
        if ((symbol & 15) != 1) return 0;
        value = readBits(1) ? 1 << low : -(1 << low);
      }
      // Skips `run` coefficients that are zero, and refines the others on the way.
      while (position <= final) {
        if ((nonzero >> position) & 1) refine(coefficients, position, low);
        else if (run == 0) break;
        else run--;
        position++;
      }
      if (value != 0) {
        if (position > final) return 0;
        nonzero |= (<u64>1) << position;
        const kept = <i32>load<i8>(KEPT + position);
        if (kept >= 0) store<i16>(coefficients + (<usize>kept << 1), value);
      }
      position++;
    }
    store<u64>(history, nonzero);
  }
  if (endOfBandRun > 0) {
    while (position <= final) {
      if ((nonzero >> position) & 1) refine(coefficients, position, low);
      position++;
    }
    endOfBandRun--;
  }
  return 1;
}
