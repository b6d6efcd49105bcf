import createDecoder from '@jsquash/webp/codec/dec/webp_dec.js';
import { initEmscriptenModule } from '@jsquash/webp/utils.js';
import { ImageError, type RasterImage } from './image.ts';
import { exifOrientation, type Orientation } from './orientation.ts';

/** libwebp's decoder, compiled: `@jsquash/webp/codec/dec/webp_dec.wasm`. */
export type WebpModule = NonNullable<Parameters<typeof initEmscriptenModule>[1]>;

/**
 * Decodes a lossy or lossless WebP of one frame, with its transparency.
 *
 * Each picture gets an instance of the decoder to itself, which is dropped with its memory: what one file may do to
 * it can't reach the next file's pixels, and a large picture's memory isn't kept.
 *
 * @param still a file whose size has been found acceptable
 * @throws {ImageError} where the file is cut off or damaged
 */
export async function decodeWebp(still: Uint8Array, module: WebpModule): Promise<RasterImage> {
  try {
    const decoder = await initEmscriptenModule(createDecoder, module, quiet);
    const image = decoder.decode(still as Uint8Array<ArrayBuffer>);
    if (image) return { width: image.width, height: image.height, data: bytesOf(image.data) };
  } catch (cause) {
    throw new ImageError('bad_image', `The WebP can't be decoded: ${cause}.`, { cause });
  }
  throw new ImageError('bad_image', "The WebP is cut off or damaged: it can't be decoded.");
}

/** An Emscripten module prints where it fails; the error says it. */
const quiet = { print: () => {}, printErr: () => {} };

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);

export interface WebpFile {
  width: number;
  height: number;
  orientation: Orientation;
  /** A WebP of one frame: the file itself, or the first frame of an animation. */
  still: Uint8Array;
}

interface Chunk {
  type: string;
  data: Uint8Array;
  /** With its type and length before it and its padding after it. */
  whole: Uint8Array;
}

/** `RIFF`, length, `WEBP`. */
const riffHeaderBytes = 12;
/** Position, size, duration and flags of an animation's frame. */
const frameHeaderBytes = 16;

/** More than stand before and after any still picture; an animation's first frame is among its first few. */
const maximumChunks = 64;

const animationFlag = 0x02;
const alphaFlag = 0x10;

/**
 * Reads a WebP's size, as its bitstream has it, and where its first frame lies, without decoding it.
 * https://www.rfc-editor.org/rfc/rfc9649.html
 *
 * @param bytes a file that starts with the WebP signature
 * @throws {ImageError}
 */
export function readWebpFile(bytes: Uint8Array): WebpFile {
  const chunks = readChunks(bytes.subarray(riffHeaderBytes));
  const exif = chunks.find(({ type }) => type === 'EXIF');
  const orientation = exif ? exifOrientation(exif.data) : 1;
  const first = chunks[0];
  const isAnimation = first?.type === 'VP8X' && ((first.data[0] ?? 0) & animationFlag) !== 0;
  if (!isAnimation) return { ...bitstreamSize(chunks), orientation, still: bytes };

  const frame = chunks.find(({ type }) => type === 'ANMF');
  if (!frame) throw damaged('it is an animation without a frame');
  const parts = readChunks(frame.data.subarray(frameHeaderBytes));
  const size = bitstreamSize(parts);
  return { ...size, orientation, still: stillFile(size, parts) };
}

function readChunks(bytes: Uint8Array): Chunk[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks: Chunk[] = [];
  let offset = 0;
  while (offset + 8 <= bytes.byteLength) {
    const length = view.getUint32(offset + 4, true);
    const end = offset + 8 + length + (length & 1);
    if (offset + 8 + length > bytes.byteLength) break;
    chunks.push({
      type: String.fromCharCode(...bytes.subarray(offset, offset + 4)),
      data: bytes.subarray(offset + 8, offset + 8 + length),
      whole: bytes.subarray(offset, end),
    });
    if (chunks.length === maximumChunks) break;
    offset = end;
  }
  return chunks;
}

function bitstreamSize(chunks: Chunk[]): { width: number; height: number } {
  const bitstream = chunks.find(({ type }) => type === 'VP8 ' || type === 'VP8L');
  if (!bitstream) throw damaged('it has no picture in it, or is cut off');
  const { type, data } = bitstream;
  if (data.byteLength < 10) throw damaged('it is cut off');
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (type === 'VP8L') {
    if (view.getUint8(0) !== 0x2f) throw damaged('its lossless data has no signature');
    const bits = view.getUint32(1, true);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  const size = {
    width: view.getUint16(6, true) & 0x3fff,
    height: view.getUint16(8, true) & 0x3fff,
  };
  if (size.width === 0 || size.height === 0) throw damaged(`it is ${size.width}x${size.height}`);
  return size;
}

/** Writes an animation's frame as a file of its own. */
function stillFile(size: { width: number; height: number }, parts: Chunk[]): Uint8Array {
  const picture = parts.filter(({ type }) => ['ALPH', 'VP8 ', 'VP8L'].includes(type));
  const extended = new Uint8Array(18);
  const view = new DataView(extended.buffer);
  writeText(extended, 'VP8X', 0);
  view.setUint32(4, 10, true);
  view.setUint32(8, alphaFlag, true);
  view.setUint32(12, size.width - 1, true);
  // Three bytes each: the lower ones of the height follow the width's upper ones.
  view.setUint16(15, (size.height - 1) & 0xffff, true);
  const all = [extended, ...picture.map(({ whole }) => whole)];
  const length = all.reduce((sum, part) => sum + part.byteLength, 0);
  const file = new Uint8Array(riffHeaderBytes + length);
  writeText(file, 'RIFF', 0);
  new DataView(file.buffer).setUint32(4, 4 + length, true);
  writeText(file, 'WEBP', 8);
  let offset = riffHeaderBytes;
  for (const part of all) {
    file.set(part, offset);
    offset += part.byteLength;
  }
  return file;
}

function writeText(target: Uint8Array, text: string, at: number): void {
  for (let i = 0; i < text.length; i++) target[at + i] = text.charCodeAt(i);
}

const damaged = (why: string) => new ImageError('bad_image', `The WebP is damaged: ${why}.`);
