/** Parts of a PNG (https://www.w3.org/TR/png-3/), to assemble files that no encoder writes. */
import { crc32, deflateSync } from 'node:zlib';

export const signature: Uint8Array = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10);

/** Returns a chunk: length, type, content and checksum. */
export function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt32BE(data.length);
  bytes.write(type, 4, 'latin1');
  bytes.set(data, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
  return bytes;
}

export interface PngHeader {
  width: number;
  height: number;
  /** Bits per sample (default: 8). */
  depth?: number;
  /** 0 grey, 2 colour, 3 palette, 4 grey with alpha, 6 colour with alpha. (default: 6) */
  colorType?: number;
  interlaced?: boolean;
}

export function header(parts: PngHeader): Uint8Array {
  const { width, height, depth = 8, colorType = 6, interlaced = false } = parts;
  const data = Buffer.alloc(13);
  data.writeUInt32BE(width);
  data.writeUInt32BE(height, 4);
  data.set([depth, colorType, 0, 0, interlaced ? 1 : 0], 8);
  return chunk('IHDR', data);
}

const samples: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/**
 * Returns the rows of a picture as a zlib stream.
 *
 * @param filter the filter of every row; 4 (Paeth) is the slowest
 * @param value the value of every byte
 */
export function rows(parts: PngHeader, filter = 4, value = 1): Uint8Array {
  const { width, height, depth = 8, colorType = 6 } = parts;
  const rowBytes = Math.ceil((width * depth * (samples[colorType] ?? 1)) / 8);
  const data = Buffer.alloc((1 + rowBytes) * height, value);
  for (let y = 0; y < height; y++) data[y * (1 + rowBytes)] = filter;
  return deflateSync(data, { level: 1 });
}

/** Returns a PNG of one repeated row; an interlaced one has data to spare. */
export const plainPng = (parts: PngHeader, data = rows(parts)): Uint8Array =>
  Buffer.concat([signature, header(parts), chunk('IDAT', data), chunk('IEND', new Uint8Array())]);

/** Returns a PNG whose data lies in chunks of one byte. */
export function crumbledPng(parts: PngHeader, data: Uint8Array): Uint8Array {
  const crumbs = Array.from(data, (byte) => chunk('IDAT', Uint8Array.of(byte)));
  return Buffer.concat([signature, header(parts), ...crumbs, chunk('IEND', new Uint8Array())]);
}

/** Bits that are written from the lowest one on, as deflate has them. */
function openBits() {
  const bytes: number[] = [];
  let length = 0;
  return {
    bytes,
    /** @param bits how many of the value's lowest bits */
    put(value: number, bits: number) {
      for (let i = 0; i < bits; i++, length++) {
        if ((length & 7) === 0) bytes.push(0);
        bytes[length >> 3] = (bytes[length >> 3] as number) | (((value >> i) & 1) << (length & 7));
      }
    },
  };
}

/**
 * Returns deflate blocks that hold nothing but the tables of codes of 15 bits (RFC 1951, section 3.2.7): 22 bytes each, and work for who
 * builds large tables of them.
 *
 * @param count a multiple of 8, so that the blocks end with a byte
 */
export function emptyBlocks(count: number): Uint8Array {
  const order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
  // The code of lengths has 4 bits for each of 1 to 15 and 18. Its codes are written from the highest bit on.
  const isUsed = (symbol: number) => symbol === 18 || (symbol > 0 && symbol < 16);
  const nibble = (symbol: number) => {
    const code = symbol === 18 ? 15 : symbol - 1;
    return ((code & 1) << 3) | ((code & 2) << 1) | ((code & 4) >> 1) | ((code & 8) >> 3);
  };
  const eight = openBits();
  for (let i = 0; i < 8; i++) {
    eight.put(0b100, 3);
    eight.put(0, 10);
    eight.put(15, 4);
    for (const symbol of order) eight.put(isUsed(symbol) ? 4 : 0, 3);
    for (let length = 1; length <= 15; length++) eight.put(nibble(length), 4);
    for (const zeros of [138, 103]) {
      eight.put(nibble(18), 4);
      eight.put(zeros - 11, 7);
    }
    // The end of the block, and a distance of 1 bit.
    eight.put(nibble(15), 4);
    eight.put(nibble(1), 4);
    eight.put(0x7fff, 15);
  }
  return Buffer.concat(Array<Uint8Array>(count / 8).fill(Uint8Array.from(eight.bytes)));
}
