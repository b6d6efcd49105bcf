import {
  freeArray,
  type ImageDecoder,
  ImageError,
  type OpenWebp,
  type RasterImage,
} from './image.ts';
import { type Libwebp, openLibwebp } from './libwebp.ts';
import { applyOrientation, exifOrientation, type Orientation } from './orientation.ts';
import { openRaster } from './raster.ts';

export const webp: ImageDecoder = {
  readSize: readWebpFile,
  decode: async (bytes, { minSide, webpDecoder }) => {
    const file = readWebpFile(bytes);
    const image = decodeWebp(file, await webpDecoder(), minSide);
    return applyOrientation(image, file.orientation);
  },
};

/**
 * Decodes a lossy or lossless WebP with its transparency; the first frame of an animation on its canvas, the rest of which is
 * transparent.
 *
 * @param file a file whose size has been checked
 * @param minSide pixels that the longer side keeps if the picture is reduced (default: it is not reduced)
 * @throws {ImageError} if the file is cut off or corrupt
 */
function decodeWebp(file: WebpFile, open: OpenWebp, minSide?: number): RasterImage {
  const { width, height, frame } = file;
  const image = decodeStill(frame.still, open);
  const raster = openRaster(width, height, minSide);
  const line = new Uint8Array(4 * width);
  for (let y = 0; y < height; y++) {
    const from = y - frame.top;
    const isInFrame = from >= 0 && from < image.height;
    if (isInFrame) {
      line.set(
        image.data.subarray(4 * from * image.width, 4 * (from + 1) * image.width),
        4 * frame.left,
      );
    } else line.fill(0);
    raster.write(y, line);
  }
  freeArray(image.data);
  return raster.finish();
}

/** The decoder of the last picture, which the next one uses: garbage collection is too slow for one instance per picture. */
let kept: { open: OpenWebp; decoder: Libwebp } | null = null;

function decodeStill(still: Uint8Array, open: OpenWebp): RasterImage {
  try {
    if (kept === null || kept.open !== open) kept = { open, decoder: openLibwebp(open) };
    const image = kept.decoder.decode(still);
    if (image) return image;
    throw new Error('libwebp refuses the file.');
  } catch (cause) {
    // The state of a decoder that has failed is unknown.
    kept = null;
    throw new ImageError('bad_image', 'The WebP is cut off or corrupt.', { cause });
  }
}

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

/** The maximum number of chunks that are read. A still picture has fewer; an animation's first frame is one of the first. */
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
  const still = stillFile(size, parts);
  return { width, height, orientation, frame: { still, left, top } };
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
