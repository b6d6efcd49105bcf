import { type ImageDecoder, ImageError, type RasterImage } from './image.ts';
import { openRaster } from './raster.ts';

export const gif: ImageDecoder = {
  readSize: readGifFile,
  decode: (bytes, { minSide }) => decodeGif(bytes, minSide),
};

/** The rows of an interlaced frame's passes, in the order of the file. */
const passes = [
  { start: 0, step: 8 },
  { start: 4, step: 8 },
  { start: 2, step: 4 },
  { start: 1, step: 2 },
];

/**
 * Decodes the first frame of a GIF. The part of the screen that it does not cover is transparent.
 *
 * A decoder of our own, because omggif never ends on codes that refer to each other, and gifuct-js reads all frames before the first.
 *
 * @param bytes a file whose size has been checked
 * @param minSide pixels that the longer side keeps if the picture is reduced (default: it is not reduced)
 * @throws {ImageError} if the file is cut off or corrupt
 */
function decodeGif(bytes: Uint8Array, minSide?: number): RasterImage {
  const { width, height, frame } = readGifFile(bytes);
  const { palette, transparentIndex } = frame;
  const colors = expandGifCodes(frame.minimumCodeSize, frame.blocks, frame.width * frame.height);
  const raster = openRaster(width, height, minSide);
  const rowOf = Uint32Array.from({ length: frame.height });
  for (const [row, y] of rowsInOrder(frame.height, frame.interlaced).entries()) rowOf[y] = row;
  const rgba = new Uint8Array(4 * width);
  for (let y = 0; y < height; y++) {
    rgba.fill(0);
    const isInFrame = y >= frame.top && y < frame.top + frame.height;
    let from = isInFrame ? (rowOf[y - frame.top] as number) * frame.width : 0;
    for (let x = 0, to = 4 * frame.left; isInFrame && x < frame.width; x++, to += 4) {
      const color = colors[from++] as number;
      if (color === transparentIndex) continue;
      if (3 * color + 2 >= palette.byteLength) throw corrupt(`its palette has no colour ${color}`);
      rgba[to] = palette[3 * color] as number;
      rgba[to + 1] = palette[3 * color + 1] as number;
      rgba[to + 2] = palette[3 * color + 2] as number;
      rgba[to + 3] = 255;
    }
    raster.write(y, rgba);
  }
  return raster.finish();
}

function rowsInOrder(height: number, interlaced: boolean): number[] {
  const rows: number[] = [];
  for (const { start, step } of interlaced ? passes : [{ start: 0, step: 1 }]) {
    for (let row = start; row < height; row += step) rows.push(row);
  }
  return rows;
}

/** A GIF's logical screen and its first frame: https://www.w3.org/Graphics/GIF/spec-gif89a.txt */
interface GifFile {
  width: number;
  height: number;
  frame: GifFrame;
}

interface GifFrame {
  left: number;
  top: number;
  width: number;
  height: number;
  interlaced: boolean;
  /** Red, green and blue of each colour. */
  palette: Uint8Array;
  /** The transparent colour, if the frame has one. */
  transparentIndex: number | null;
  /** Bits of the smallest codes. */
  minimumCodeSize: number;
  /** The codes, in blocks that each start with their length. */
  blocks: Uint8Array;
}

const screenBytes = 13;
const extension = 0x21;
const graphicControl = 0xf9;
const imageDescriptor = 0x2c;

/**
 * Reads a GIF up to its first frame's data, without decoding it. The rest is not read: an animation may have any number of frames.
 *
 * @param bytes a file that starts with the GIF signature
 * @throws {ImageError} if the file is cut off or has no frame
 */
function readGifFile(bytes: Uint8Array): GifFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const byte = (at: number) => {
    const value = bytes[at];
    if (value === undefined) throw corrupt('it is cut off before its first frame');
    return value;
  };
  const paletteAt = (at: number, flags: number): Uint8Array =>
    bytes.subarray(at, flags & 0x80 ? at + 3 * 2 ** ((flags & 7) + 1) : at);
  byte(screenBytes - 1);
  const width = view.getUint16(6, true);
  const height = view.getUint16(8, true);
  const globalPalette = paletteAt(screenBytes, byte(10));
  let offset = screenBytes + globalPalette.byteLength;
  let transparentIndex: number | null = null;
  while (byte(offset) === extension) {
    if (byte(offset + 1) === graphicControl) {
      transparentIndex = byte(offset + 3) & 1 ? byte(offset + 6) : null;
    }
    offset += 2;
    while (byte(offset) !== 0) offset += 1 + byte(offset);
    offset += 1;
  }
  if (byte(offset) !== imageDescriptor) throw corrupt('it has no frame');
  const flags = byte(offset + 9);
  const localPalette = paletteAt(offset + 10, flags);
  const dataStart = offset + 10 + localPalette.byteLength;
  const frame = {
    left: view.getUint16(offset + 1, true),
    top: view.getUint16(offset + 3, true),
    width: view.getUint16(offset + 5, true),
    height: view.getUint16(offset + 7, true),
    interlaced: (flags & 0x40) !== 0,
    palette: flags & 0x80 ? localPalette : globalPalette,
    transparentIndex,
    minimumCodeSize: byte(dataStart),
    blocks: bytes.subarray(dataStart + 1),
  };
  if (frame.width * frame.height === 0) {
    throw corrupt(`its first frame is ${frame.width}x${frame.height} pixels`);
  }
  // As browsers do, the screen grows to its first frame: some programs write a screen of 0x0.
  return {
    width: Math.max(width, frame.left + frame.width),
    height: Math.max(height, frame.top + frame.height),
    frame,
  };
}

const corrupt = (why: string) => new ImageError('bad_image', `The GIF is corrupt: ${why}.`);

const maxCodeBits = 12;
const maxTable = 2 ** maxCodeBits;

/**
 * Expands a GIF frame's LZW codes (https://www.w3.org/Graphics/GIF/spec-gif89a.txt, appendix F) until all pixels of the frame are known.
 *
 * @param minimumCodeSize bits of a pixel, 2 to 8
 * @param blocks the codes in blocks that each start with their length
 * @param count pixels of the frame
 * @returns the index of each pixel's colour
 * @throws {ImageError} if a code is not defined, or the data ends too early
 */
export function expandGifCodes(
  minimumCodeSize: number,
  blocks: Uint8Array,
  count: number,
): Uint8Array {
  if (minimumCodeSize < 1 || minimumCodeSize > 8) {
    throw corrupt(`its codes start with ${minimumCodeSize} bits`);
  }
  const clear = 1 << minimumCodeSize;
  const end = clear + 1;
  // Code n means the pixels of code prefix[n], then the pixel last[n]: length[n] pixels in all.
  const prefix = new Uint16Array(maxTable);
  const last = new Uint8Array(maxTable);
  const length = new Uint16Array(maxTable);
  for (let pixel = 0; pixel < clear; pixel++) {
    last[pixel] = pixel;
    length[pixel] = 1;
  }
  const pixels = new Uint8Array(count);
  let written = 0;
  let next = end + 1;
  let codeBits = minimumCodeSize + 1;
  let previous = -1;
  let first = 0;
  let bits = 0;
  let bitCount = 0;
  let offset = 0;
  let blockEnd = 0;
  while (written < count) {
    while (bitCount < codeBits) {
      if (offset === blockEnd) {
        const blockLength = blocks[offset] ?? 0;
        if (blockLength === 0) throw cutOff(written, count);
        offset += 1;
        blockEnd = offset + blockLength;
      }
      const byte = blocks[offset++];
      if (byte === undefined) throw cutOff(written, count);
      bits |= byte << bitCount;
      bitCount += 8;
    }
    const code = bits & ((1 << codeBits) - 1);
    bits >>>= codeBits;
    bitCount -= codeBits;
    if (code === clear) {
      next = end + 1;
      codeBits = minimumCodeSize + 1;
      previous = -1;
      continue;
    }
    if (code === end) throw cutOff(written, count);
    // A code may be used before it is defined only if this step defines it.
    const isNew = code === next && previous !== -1;
    if (code > next || (code === next && !isNew)) throw corrupt(`its code ${code} is not defined`);
    const known = isNew ? previous : code;
    const stop = written + (length[known] as number);
    let walk = known;
    for (let at = stop - 1; at >= written; at--) {
      if (at < count) pixels[at] = last[walk] as number;
      first = last[walk] as number;
      walk = prefix[walk] as number;
    }
    written = stop;
    if (isNew && written < count) pixels[written] = first;
    if (isNew) written += 1;
    if (previous !== -1 && next < maxTable) {
      prefix[next] = previous;
      last[next] = first;
      length[next] = (length[previous] as number) + 1;
      next += 1;
      if (next === 1 << codeBits && codeBits < maxCodeBits) codeBits += 1;
    }
    previous = code;
  }
  return pixels;
}

const cutOff = (written: number, count: number) =>
  corrupt(`its data ends after ${written} of ${count} pixels`);
