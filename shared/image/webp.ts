import createDecoder from '@jsquash/webp/codec/dec/webp_dec.js';
import { initEmscriptenModule } from '@jsquash/webp/utils.js';
import { type ImageDecoder, ImageError, type RasterImage, type WebpModule } from './image.ts';
import { applyOrientation, exifOrientation, type Orientation } from './orientation.ts';

export const webp: ImageDecoder = {
  readSize: readWebpFile,
  decode: async (bytes, { webpModule }) => {
    const file = readWebpFile(bytes);
    return applyOrientation(await decodeWebp(file, await webpModule()), file.orientation);
  },
};

/**
 * Decodes a lossy or lossless WebP with its transparency; the first frame of an animation on its canvas, the rest of which is
 * transparent.
 *
 * Each picture gets an instance of the decoder to itself, which is dropped with its memory: a hostile file can't reach the next file's
 * pixels, and a large picture's memory isn't kept.
 *
 * @param file a file whose size has been found acceptable
 * @throws {ImageError} if the file is cut off or corrupt
 */
async function decodeWebp(file: WebpFile, module: WebpModule): Promise<RasterImage> {
  const { width, height, frame } = file;
  const image = await decodeStill(frame.still, module);
  if (image.width === width && image.height === height) return image;
  const data = new Uint8Array(4 * width * height);
  for (let y = 0; y < image.height; y++) {
    const row = image.data.subarray(4 * y * image.width, 4 * (y + 1) * image.width);
    data.set(row, 4 * ((frame.top + y) * width + frame.left));
  }
  return { width, height, data };
}

async function decodeStill(still: Uint8Array, module: WebpModule): Promise<RasterImage> {
  let cause: unknown;
  try {
    const decoder = await initEmscriptenModule(createDecoder, module, quiet);
    const image = decoder.decode(still as Uint8Array<ArrayBuffer>);
    if (image) return { width: image.width, height: image.height, data: bytesOf(image.data) };
  } catch (error) {
    cause = error;
  }
  throw new ImageError('bad_image', 'The WebP is cut off or corrupt.', { cause });
}

/** An Emscripten module prints its failures; the error reports them. */
const quiet = { print: () => {}, printErr: () => {} };

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);

interface WebpFile {
  width: number;
  height: number;
  orientation: Orientation;
  /** A WebP of one frame, the file itself or the first frame of an animation, and its position on the canvas. */
  frame: { still: Uint8Array; left: number; top: number };
}

interface Chunk {
  type: string;
  data: Uint8Array;
  /** With its type, length and padding. */
  whole: Uint8Array;
}

/** `RIFF`, length, `WEBP`. */
const riffHeaderBytes = 12;
/** Position, size, duration and flags of an animation's frame. */
const frameHeaderBytes = 16;

/** More than a still picture has; an animation's first frame is among its first few. */
const maxChunks = 64;

const animationFlag = 0x02;
const alphaFlag = 0x10;

/**
 * Reads a WebP's size and finds its first frame, without decoding it.
 * https://www.rfc-editor.org/rfc/rfc9649.html
 *
 * @param bytes a file that starts with the WebP signature
 * @throws {ImageError} if the file is cut off or has no picture
 */
function readWebpFile(bytes: Uint8Array): WebpFile {
  const chunks = readChunks(bytes.subarray(riffHeaderBytes));
  const exif = chunks.find(({ type }) => type === 'EXIF');
  const orientation = exif ? exifOrientation(exif.data) : 1;
  const first = chunks[0];
  const isAnimation = first?.type === 'VP8X' && ((first.data[0] ?? 0) & animationFlag) !== 0;
  if (!isAnimation) {
    return { ...bitstreamSize(chunks), orientation, frame: { still: bytes, left: 0, top: 0 } };
  }

  const frame = chunks.find(({ type }) => type === 'ANMF');
  if (!frame || first.data.byteLength < 10 || frame.data.byteLength < frameHeaderBytes) {
    throw corrupt('it is an animation without a frame');
  }
  const parts = readChunks(frame.data.subarray(frameHeaderBytes));
  const size = bitstreamSize(parts);
  const width = uint24(first.data, 4) + 1;
  const height = uint24(first.data, 7) + 1;
  const left = 2 * uint24(frame.data, 0);
  const top = 2 * uint24(frame.data, 3);
  if (left + size.width > width || top + size.height > height) {
    throw corrupt('its first frame exceeds its canvas');
  }
  return { width, height, orientation, frame: { still: stillFile(size, parts), left, top } };
}

/** Little-endian, as sizes and positions are stored. */
const uint24 = (bytes: Uint8Array, at: number) =>
  (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);

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
    if (chunks.length === maxChunks) break;
    offset = end;
  }
  return chunks;
}

function bitstreamSize(chunks: Chunk[]): { width: number; height: number } {
  const bitstream = chunks.find(({ type }) => type === 'VP8 ' || type === 'VP8L');
  if (!bitstream) throw corrupt('it has no picture in it, or is cut off');
  const { type, data } = bitstream;
  if (data.byteLength < 10) throw corrupt('it is cut off');
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (type === 'VP8L') {
    if (view.getUint8(0) !== 0x2f) throw corrupt('its lossless data has no signature');
    const bits = view.getUint32(1, true);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  const size = {
    width: view.getUint16(6, true) & 0x3fff,
    height: view.getUint16(8, true) & 0x3fff,
  };
  if (size.width === 0 || size.height === 0) throw corrupt(`it is ${size.width}x${size.height}`);
  return size;
}

/** Makes a file of an animation's frame. */
function stillFile(size: { width: number; height: number }, parts: Chunk[]): Uint8Array {
  const picture = parts.filter(({ type }) => ['ALPH', 'VP8 ', 'VP8L'].includes(type));
  const extended = new Uint8Array(18);
  const view = new DataView(extended.buffer);
  writeText(extended, 'VP8X', 0);
  view.setUint32(4, 10, true);
  view.setUint32(8, alphaFlag, true);
  view.setUint32(12, size.width - 1, true);
  // Three bytes each; the height's lower bytes follow the width's upper one.
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

const corrupt = (why: string) => new ImageError('bad_image', `The WebP is corrupt: ${why}.`);
