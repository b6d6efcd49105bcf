/**
 * The entropy decoding, inverse DCT and colour conversion of a JPEG (ITU-T T.81), at 1, 1/2, 1/4 or 1/8 of its size.
 *
 * A reduced size needs only the low frequencies of each block: 8x8 samples become `size` x `size`, as in libjpeg's scaled DCT.
 * shared/image/jpeg.ts reads the segments, fills the tables below and owns the memory.
 */

/** Size of a lookup of Huffman codes by their first bits. */
const LOOKUP_BITS: i32 = 10;
/** Bytes of a Huffman table: u16 lookup[1024], i32 maxCode[18], i32 firstIndex[18], u8 symbols[256]. */
const HUFFMAN_BYTES: usize = 2048 + 72 + 72 + 256;
const MAX_CODE: usize = 2048;
const FIRST_INDEX: usize = 2048 + 72;
const SYMBOLS: usize = 2048 + 144;

/** Four DC tables, then four AC tables. */
const HUFFMAN: usize = 64;
/** Four tables of 64 f32 in the order of the kept coefficients: quantizer x scale of the inverse DCT. */
const QUANTIZERS: usize = HUFFMAN + 8 * HUFFMAN_BYTES;
/** i8 per zigzag position: where the coefficient is kept among size x size, or -1. */
const KEPT: usize = QUANTIZERS + 4 * 256;
/** f32[64]: the block at hand. */
const BLOCK: usize = (KEPT + 64 + 15) & ~15;
/** f32[64]: between the passes of the inverse DCT. */
const SCRATCH: usize = BLOCK + 256;
/** Per component of the scan, 48 bytes: see the offsets below. */
const COMPONENTS: usize = SCRATCH + 256;

const PLANE: usize = 0; // u8 samples, `stride` a row
const COEFFICIENTS: usize = 4; // i16[size * size] a block, progressive only; 0: none
const HISTORY: usize = 8; // u64 a block: which coefficients are not zero; 0: none
const BLOCKS_A_LINE: usize = 12; // in memory, whole MCUs
const WIDTH: usize = 16; // in blocks, as a scan of this component alone has them
const HEIGHT: usize = 20;
const ACROSS: usize = 24; // sampling factors
const DOWN: usize = 28;
const DC_TABLE: usize = 32;
const AC_TABLE: usize = 36;
const QUANTIZER: usize = 40;
const PREDICTION: usize = 44;
const COMPONENT_BYTES: usize = 48;

/** Where the input starts and the tables end; a multiple of 16. */
export const TABLES_END: usize = COMPONENTS + 4 * COMPONENT_BYTES;

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

// The bit reader: `bits` holds `count` bits that are not read yet, the next one the highest of them.
let at: usize = 0;
let end: usize = 0;
let bits: u64 = 0;
let count: i32 = 0;
/** Zero bits that stand in for data that is missing; as many may be left over, none may be read. */
let padding: i32 = 0;

/** Blocks whose end-of-band run is not over (progressive). */
let endOfBandRun: i32 = 0;

/**
 * Makes a decoding table of a DHT segment's counts and symbols.
 *
 * @param counts u8[16]: codes of 1 to 16 bits
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
    // The first code that is too large to be of this length, moved up to 16 bits.
    store<i32>(table + MAX_CODE + (length << 2), code << (16 - length));
    code <<= 1;
  }
  return 1;
}

/** Brings at least 25 bits in: a code of up to 16 and the start of what follows it. Data ends at a marker. */
// @ts-ignore: decorator
@inline
function fill(): void {
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

/** @returns the next symbol, or -1 if no code of the table stands there */
// @ts-ignore: decorator
@inline
function readSymbol(table: usize): i32 {
  if (count < 32) fill();
  const entry = <i32>load<u16>(table + (<usize>((bits >> (count - LOOKUP_BITS)) & 1023) << 1));
  if (entry) {
    count -= entry >> 8;
    return entry & 255;
  }
  return readLongSymbol(table);
}

function readLongSymbol(table: usize): i32 {
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

/** @param length 0 to 16; after a symbol of at most 16 bits they are there */
// @ts-ignore: decorator
@inline
function readBits(length: i32): i32 {
  if (count < length) fill();
  count -= length;
  return <i32>(bits >> count) & ((1 << length) - 1);
}

/** T.81, F.2.2.1: the upper half of the values are the positive ones. */
// @ts-ignore: decorator
@inline
function readSigned(length: i32): i32 {
  return signed(readBits(length), length);
}

// @ts-ignore: decorator
@inline
function signed(value: i32, length: i32): i32 {
  return value < 1 << (length - 1) ? value - (1 << length) + 1 : value;
}

/** Starts at the next interval: past the marker that has ended the one before. @returns 0 if there is none */
function restart(): i32 {
  bits = 0;
  count = 0;
  padding = 0;
  endOfBandRun = 0;
  for (let i = 0; i < 4; i++) store<i32>(componentAddress(i) + PREDICTION, 0);
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

/** A block of a sequential JPEG: decoded, and its samples written. @returns 0 if it is corrupt */
function sequentialBlock(component: usize, size: i32, row: i32, column: i32): i32 {
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
      bits = held;
      count = left;
      fill();
      held = bits;
      left = count;
    }
    let symbol = <i32>load<u16>(ac + (<usize>((held >> (left - LOOKUP_BITS)) & 1023) << 1));
    if (symbol) {
      left -= symbol >> 8;
      symbol &= 255;
    } else {
      bits = held;
      count = left;
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
  bits = held;
  count = left;
  if (count < padding) return 0;
  store<f32>(BLOCK, <f32>prediction * load<f32>(quantizer));
  writeSamples(component, size, row, column, last);
  return 1;
}

/** T.81, G.1.2: the first look at a band of a block's coefficients, or one more bit of them. @returns 0 if corrupt */
function progressiveBlock(
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
    return count < padding ? 0 : 1;
  }
  const ac = huffmanAddress(4 + load<i32>(component + AC_TABLE));
  const history = load<usize>(component + HISTORY) + (<usize>block << 3);
  const done =
    high == 0
      ? firstOfBand(ac, coefficients, history, first, final, low)
      : refineBand(ac, coefficients, history, first, final, low);
  return done == 0 || count < padding ? 0 : 1;
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

/** One more bit of a coefficient that is not zero. */
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
      // Over `run` coefficients that are zero; those on the way that are not get their bit.
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

/**
 * Decodes one scan.
 *
 * @param from address of its first byte of data
 * @param to where the file ends
 * @param scanned how many components it has, the first of COMPONENTS
 * @param size samples that an 8x8 block becomes, a side: 1, 2, 4 or 8
 * @param mcusAcross, mcusDown MCUs of the image; of one component alone its blocks count
 * @param restarts MCUs between two restart markers, 0 for none
 * @param first, final, high, low the band and its bits (progressive)
 * @returns address behind what was read, or 0 if the data is corrupt or cut off
 */
export function decodeScan(
  from: usize,
  to: usize,
  scanned: i32,
  size: i32,
  mcusAcross: i32,
  mcusDown: i32,
  restarts: i32,
  progressive: i32,
  first: i32,
  final: i32,
  high: i32,
  low: i32,
): usize {
  at = from;
  end = to;
  bits = 0;
  count = 0;
  padding = 0;
  endOfBandRun = 0;
  for (let i = 0; i < 4; i++) store<i32>(componentAddress(i) + PREDICTION, 0);
  const single = scanned == 1;
  const across = single ? load<i32>(COMPONENTS + WIDTH) : mcusAcross;
  const down = single ? load<i32>(COMPONENTS + HEIGHT) : mcusDown;
  let left = restarts;
  for (let y = 0; y < down; y++) {
    for (let x = 0; x < across; x++) {
      if (restarts > 0) {
        if (left == 0) {
          if (!restart()) return 0;
          left = restarts;
        }
        left--;
      }
      for (let i = 0; i < scanned; i++) {
        const component = componentAddress(i);
        const columns = single ? 1 : load<i32>(component + ACROSS);
        const rows = single ? 1 : load<i32>(component + DOWN);
        for (let v = 0; v < rows; v++) {
          for (let h = 0; h < columns; h++) {
            const row = y * rows + v;
            const column = x * columns + h;
            const block = row * load<i32>(component + BLOCKS_A_LINE) + column;
            const done = progressive
              ? progressiveBlock(component, size, block, first, final, high, low)
              : sequentialBlock(component, size, row, column);
            if (!done) return 0;
          }
        }
      }
    }
  }
  // Bytes that were brought in and not needed: the marker behind the data is looked for from the start of the last ones.
  return at;
}

/** Makes the samples of a progressive component whose coefficients are complete. */
export function finishComponent(index: i32, size: i32, lines: i32): void {
  const component = componentAddress(index);
  const across = load<i32>(component + BLOCKS_A_LINE);
  const quantizer = quantizerAddress(load<i32>(component + QUANTIZER));
  const values = size * size;
  let from = load<usize>(component + COEFFICIENTS);
  for (let row = 0; row < lines; row++) {
    for (let column = 0; column < across; column++) {
      let any = 0;
      for (let i = 0; i < values; i++) {
        const value = <i32>load<i16>(from + (<usize>i << 1));
        if (i) any |= value;
        store<f32>(BLOCK + (<usize>i << 2), <f32>value * load<f32>(quantizer + (<usize>i << 2)));
      }
      writeSamples(component, size, row, column, any);
      from += <usize>values << 1;
    }
  }
}

// @ts-ignore: decorator
@inline
function clampToByte(value: f32): u8 {
  return <u8>nearestByte(value);
}

// @ts-ignore: decorator
@inline
function nearestByte(value: f32): i32 {
  const rounded = <i32>(value + 128.5);
  return value < -128 ? 0 : rounded > 255 ? 255 : rounded;
}

/** @param last 0 if all coefficients but the first are zero */
function writeSamples(component: usize, size: i32, row: i32, column: i32, last: i32): void {
  const stride = <usize>(load<i32>(component + BLOCKS_A_LINE) * size);
  const out = load<usize>(component + PLANE) + <usize>(row * size) * stride + <usize>(column * size);
  if (size == 1) {
    store<u8>(out, clampToByte(load<f32>(BLOCK)));
  } else if (last == 0) {
    const value = <usize>clampToByte(load<f32>(BLOCK));
    for (let y: usize = 0; y < <usize>size; y++) memory.fill(out + y * stride, <u8>value, size);
  } else if (size == 8) inverse8(out, stride);
  else if (size == 4) inverse4(out, stride);
  else inverse2(out, stride);
}

function inverse2(out: usize, stride: usize): void {
  const a = load<f32>(BLOCK);
  const b = load<f32>(BLOCK, 4);
  const c = load<f32>(BLOCK, 8);
  const d = load<f32>(BLOCK, 12);
  store<u8>(out, clampToByte(a + b + c + d));
  store<u8>(out + 1, clampToByte(a - b + c - d));
  store<u8>(out + stride, clampToByte(a + b - c - d));
  store<u8>(out + stride + 1, clampToByte(a - b - c + d));
}

// sqrt(2) cos(pi / 8) and sqrt(2) cos(3 pi / 8)
const C1: f32 = 1.3065629648763766;
const C3: f32 = 0.5411961001461969;

/** The four-point inverse DCT of four columns at once. */
// @ts-ignore: decorator
@inline
function pass4(from: usize, to: usize): void {
  const x0 = v128.load(from);
  const x1 = v128.load(from, 16);
  const x2 = v128.load(from, 32);
  const x3 = v128.load(from, 48);
  const even0 = f32x4.add(x0, x2);
  const even1 = f32x4.sub(x0, x2);
  const c1 = f32x4.splat(C1);
  const c3 = f32x4.splat(C3);
  const odd0 = f32x4.add(f32x4.mul(c1, x1), f32x4.mul(c3, x3));
  const odd1 = f32x4.sub(f32x4.mul(c3, x1), f32x4.mul(c1, x3));
  transpose4(
    f32x4.add(even0, odd0),
    f32x4.add(even1, odd1),
    f32x4.sub(even1, odd1),
    f32x4.sub(even0, odd0),
    to,
    16,
  );
}

/** Writes four vectors as columns, `step` bytes from one row to the next. */
// @ts-ignore: decorator
@inline
function transpose4(a: v128, b: v128, c: v128, d: v128, to: usize, step: usize): void {
  const ab0 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const cd0 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const ab1 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cd1 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(ab0, cd0, 0, 1, 4, 5));
  v128.store(to + step, v128.shuffle<f32>(ab0, cd0, 2, 3, 6, 7));
  v128.store(to + 2 * step, v128.shuffle<f32>(ab1, cd1, 0, 1, 4, 5));
  v128.store(to + 3 * step, v128.shuffle<f32>(ab1, cd1, 2, 3, 6, 7));
}

// @ts-ignore: decorator
@inline
function toBytes(low: v128, high: v128): v128 {
  const half = f32x4.splat(128.5);
  const words = i16x8.narrow_i32x4_s(
    i32x4.trunc_sat_f32x4_s(f32x4.floor(f32x4.add(low, half))),
    i32x4.trunc_sat_f32x4_s(f32x4.floor(f32x4.add(high, half))),
  );
  return i8x16.narrow_i16x8_u(words, words);
}

function inverse4(out: usize, stride: usize): void {
  pass4(BLOCK, SCRATCH);
  pass4(SCRATCH, BLOCK);
  for (let y: usize = 0; y < 4; y++) {
    const row = v128.load(BLOCK + (y << 4));
    store<i32>(out + y * stride, i32x4.extract_lane(toBytes(row, row), 0));
  }
}

/**
 * The eight-point inverse DCT of four columns at once, written as four rows: Arai, Agui and Nakajima's, as in libjpeg's
 * jidctflt.c; its constant factors are in the quantizers.
 */
function pass8(from: usize, to: usize): void {
  const x0 = v128.load(from);
  const x1 = v128.load(from, 32);
  const x2 = v128.load(from, 64);
  const x3 = v128.load(from, 96);
  const x4 = v128.load(from, 128);
  const x5 = v128.load(from, 160);
  const x6 = v128.load(from, 192);
  const x7 = v128.load(from, 224);
  const root2 = f32x4.splat(1.414213562);
  // Even part.
  const t10 = f32x4.add(x0, x4);
  const t11 = f32x4.sub(x0, x4);
  const t13 = f32x4.add(x2, x6);
  const t12 = f32x4.sub(f32x4.mul(f32x4.sub(x2, x6), root2), t13);
  const e0 = f32x4.add(t10, t13);
  const e3 = f32x4.sub(t10, t13);
  const e1 = f32x4.add(t11, t12);
  const e2 = f32x4.sub(t11, t12);
  // Odd part.
  const z13 = f32x4.add(x5, x3);
  const z10 = f32x4.sub(x5, x3);
  const z11 = f32x4.add(x1, x7);
  const z12 = f32x4.sub(x1, x7);
  const o7 = f32x4.add(z11, z13);
  const z5 = f32x4.mul(f32x4.add(z10, z12), f32x4.splat(1.847759065));
  const s11 = f32x4.mul(f32x4.sub(z11, z13), root2);
  const s10 = f32x4.sub(z5, f32x4.mul(z12, f32x4.splat(1.08239220)));
  const s12 = f32x4.sub(z5, f32x4.mul(z10, f32x4.splat(2.613125930)));
  const o6 = f32x4.sub(s12, o7);
  const o5 = f32x4.sub(s11, o6);
  const o4 = f32x4.sub(s10, o5);
  transpose4(
    f32x4.add(e0, o7),
    f32x4.add(e1, o6),
    f32x4.add(e2, o5),
    f32x4.add(e3, o4),
    to,
    32,
  );
  transpose4(
    f32x4.sub(e3, o4),
    f32x4.sub(e2, o5),
    f32x4.sub(e1, o6),
    f32x4.sub(e0, o7),
    to + 16,
    32,
  );
}

function inverse8(out: usize, stride: usize): void {
  pass8(BLOCK, SCRATCH);
  pass8(BLOCK + 16, SCRATCH + 128);
  pass8(SCRATCH, BLOCK);
  pass8(SCRATCH + 16, BLOCK + 128);
  for (let y: usize = 0; y < 8; y++) {
    const row = BLOCK + (y << 5);
    v128.store64_lane(out + y * stride, toBytes(v128.load(row), v128.load(row, 16)), 0);
  }
}

/** Colours of the file: grey, RGB as it is, YCbCr, CMYK with inverted inks (Adobe's), YCCK. */
const GREY: i32 = 0;
const RGB: i32 = 1;
const YCC: i32 = 2;
const CMYK: i32 = 3;

// @ts-ignore: decorator
@inline
function clamp(value: i32): i32 {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

/**
 * Writes the picture as RGBA from the components' samples; smaller components are repeated.
 *
 * @param width, height of the picture at its reduced size
 * @param maxAcross, maxDown the largest sampling factors
 */
export function writeRgba(
  out: usize,
  width: i32,
  height: i32,
  size: i32,
  colours: i32,
  maxAcross: i32,
  maxDown: i32,
): void {
  const c0 = componentAddress(0);
  const c1 = componentAddress(1);
  const c2 = componentAddress(2);
  const c3 = componentAddress(3);
  const across0 = load<i32>(c0 + ACROSS);
  const across1 = load<i32>(c1 + ACROSS);
  const across2 = load<i32>(c2 + ACROSS);
  const across3 = load<i32>(c3 + ACROSS);
  let to = out;
  for (let y = 0; y < height; y++) {
    const row0 = rowOf(c0, y, size, maxDown);
    const row1 = colours == GREY ? row0 : rowOf(c1, y, size, maxDown);
    const row2 = colours == GREY ? row0 : rowOf(c2, y, size, maxDown);
    const row3 = colours < CMYK ? row0 : rowOf(c3, y, size, maxDown);
    for (let x = 0; x < width; x++) {
      const first = <i32>load<u8>(row0 + (across0 == maxAcross ? x : (x * across0) / maxAcross));
      let red = first;
      let green = first;
      let blue = first;
      if (colours != GREY) {
        const second = <i32>load<u8>(row1 + (across1 == maxAcross ? x : (x * across1) / maxAcross));
        const third = <i32>load<u8>(row2 + (across2 == maxAcross ? x : (x * across2) / maxAcross));
        if (colours == RGB || colours == CMYK) {
          green = second;
          blue = third;
        } else {
          const cb = second - 128;
          const cr = third - 128;
          // JFIF 1.02, in 16 bits of fraction.
          red = clamp(first + ((91881 * cr + 32768) >> 16));
          green = clamp(first + ((-22554 * cb - 46802 * cr + 32768) >> 16));
          blue = clamp(first + ((116130 * cb + 32768) >> 16));
        }
        if (colours >= CMYK) {
          const black = <i32>load<u8>(row3 + (across3 == maxAcross ? x : (x * across3) / maxAcross));
          red = (red * black + 127) / 255;
          green = (green * black + 127) / 255;
          blue = (blue * black + 127) / 255;
        }
      }
      store<u32>(to, red | (green << 8) | (blue << 16) | 0xff000000);
      to += 4;
    }
  }
}

// @ts-ignore: decorator
@inline
function rowOf(component: usize, y: i32, size: i32, maxDown: i32): usize {
  const down = load<i32>(component + DOWN);
  const row = down == maxDown ? y : (y * down) / maxDown;
  return load<usize>(component + PLANE) + <usize>(row * load<i32>(component + BLOCKS_A_LINE) * size);
}
