import { ImageError } from './image-error.ts';

/** A GIF's logical screen and its first frame: https://www.w3.org/Graphics/GIF/spec-gif89a.txt */
export interface GifFile {
  width: number;
  height: number;
  frame: GifFrame;
}

export interface GifFrame {
  left: number;
  top: number;
  width: number;
  height: number;
  interlaced: boolean;
  /** Red, green, blue a colour. */
  palette: Uint8Array;
  /** The colour that shows what lies below; `null` where there is none. */
  transparentIndex: number | null;
  /** Bits of the smallest codes. */
  minimumCodeSize: number;
  /** The codes, cut into blocks that each start with their length. */
  blocks: Uint8Array;
}

const screenBytes = 13;
const extension = 0x21;
const graphicControl = 0xf9;
const imageDescriptor = 0x2c;

/**
 * Reads a GIF up to its first frame's data, without decoding that. What follows is not looked at: an
 * animation may have any number of frames.
 *
 * @param bytes a file that starts with the GIF signature
 * @throws {ImageError}
 */
export function readGifFile(bytes: Uint8Array): GifFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const byte = (at: number) => {
    const value = bytes[at];
    if (value === undefined) throw damaged('it is cut off before its first frame');
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
  if (byte(offset) !== imageDescriptor) throw damaged('it has no frame');
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
  if (width * height === 0 || frame.width * frame.height === 0) {
    throw damaged(`it is ${width}x${height} with a frame of ${frame.width}x${frame.height}`);
  }
  if (frame.left + frame.width > width || frame.top + frame.height > height) {
    throw damaged('its first frame does not lie within it');
  }
  return { width, height, frame };
}

const damaged = (why: string) => new ImageError('bad_image', `The GIF is damaged: ${why}.`);
