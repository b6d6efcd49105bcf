/// <reference path="./jpeg-js-decoder.d.ts" />
import decode from 'jpeg-js/lib/decoder.js';
import { ImageError, type RasterImage } from './image.ts';
import { exifOrientation, type Orientation } from './orientation.ts';

/**
 * What jpeg-js may hold at once, of the 128 MB that a Worker has. Four megapixels with halved chroma,
 * as cameras write them, take about 55; with full chroma about 85, so of those a little less is read.
 */
const decoderMegabytes = 80;

/**
 * Decodes a baseline or progressive JPEG, grey, YCbCr, RGB, CMYK or YCCK, as it lies in the file.
 *
 * @param bytes a file whose size has been found acceptable
 * @throws {ImageError} where the file is cut off or damaged, or takes too much memory to decode
 */
export function decodeJpeg(bytes: Uint8Array): RasterImage {
  const { components, adobeTransform } = readJpegHeader(bytes);
  if (components === 4 && adobeTransform === null) {
    throw new ImageError(
      'unsupported_image',
      "The JPEG has four colour components and no Adobe marker that says which: CMYK is read as Adobe's programs write it.",
    );
  }
  try {
    const { width, height, data } = decode(bytes, {
      useTArray: true,
      tolerantDecoding: false,
      maxMemoryUsageInMB: decoderMegabytes,
      // jpeg-js takes Adobe's 0, colours as they are, for no marker.
      ...(adobeTransform === 0 ? { colorTransform: false } : {}),
    });
    return { width, height, data };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    if (reason.includes('limit exceeded')) {
      throw new ImageError('image_too_large', `The JPEG takes too much memory: ${reason}.`, {
        cause,
      });
    }
    throw new ImageError('bad_image', `The JPEG can't be decoded: ${reason}.`, { cause });
  }
}

export interface JpegHeader {
  width: number;
  height: number;
  /** Colour components: 1 grey, 3 colour, 4 CMYK. */
  components: number;
  orientation: Orientation;
  /** What Adobe's marker says of the colours: 0 RGB or CMYK as they are, 1 YCbCr, 2 YCCK; `null` without that marker. */
  adobeTransform: number | null;
}

/**
 * How many scans a JPEG may have. Encoders write 10 or so into a progressive one; each makes the decoder
 * go over the whole picture, and costs a few bytes.
 */
const maximumScans = 64;

const startOfScan = 0xda;
const exifMarker = 0xe1;
const adobeMarker = 0xee;

/** Markers of a frame header: SOF0 to SOF15 but for DHT (C4), JPG (C8) and DAC (CC). */
const isFrameHeader = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

/** Markers that stand alone: TEM and RST0 to EOI. */
const hasNoLength = (marker: number) => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd9);

/**
 * Reads what a JPEG says of itself up to its first scan, without decoding it.
 *
 * @param bytes a file that starts with the JPEG signature
 * @throws {ImageError} where there is no frame header before the first scan, or there are too many scans
 */
export function readJpegHeader(bytes: Uint8Array): JpegHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let frame: { width: number; height: number; components: number } | null = null;
  let orientation: Orientation = 1;
  let adobeTransform: number | null = null;
  let offset = 2;
  while (offset + 4 <= bytes.byteLength) {
    if (bytes[offset] !== 0xff) break;
    const marker = view.getUint8(offset + 1);
    // Any number of 0xff may fill up before a marker.
    if (marker === 0xff || hasNoLength(marker)) {
      offset += marker === 0xff ? 1 : 2;
      continue;
    }
    if (marker === startOfScan) {
      if (!frame) break;
      checkScans(bytes, offset);
      return { ...frame, orientation, adobeTransform };
    }
    const segment = bytes.subarray(offset + 4, offset + 2 + view.getUint16(offset + 2));
    if (isFrameHeader(marker)) frame = readFrame(segment);
    else if (marker === exifMarker && startsWith(segment, 'Exif\0')) {
      orientation = exifOrientation(segment);
    } else if (marker === adobeMarker && startsWith(segment, 'Adobe')) {
      adobeTransform = segment[11] ?? null;
    }
    offset += 2 + view.getUint16(offset + 2);
  }
  throw new ImageError('bad_image', 'The JPEG is cut off or damaged: it has no frame header.');
}

/** https://www.w3.org/Graphics/JPEG/itu-t81.pdf, B.2.2: precision, height, width, components. */
function readFrame(segment: Uint8Array) {
  if (segment.byteLength < 6) {
    throw new ImageError('bad_image', 'The JPEG is cut off or damaged: its frame header is short.');
  }
  const view = new DataView(segment.buffer, segment.byteOffset, segment.byteLength);
  const size = {
    height: view.getUint16(1),
    width: view.getUint16(3),
    components: view.getUint8(5),
  };
  if (size.width === 0 || size.height === 0) {
    throw new ImageError('bad_image', `The JPEG is ${size.width}x${size.height} pixels.`);
  }
  return size;
}

/** Within a scan's data 0xff is followed by 0 or a restart marker: what looks like a start of scan is one. */
function checkScans(bytes: Uint8Array, first: number): void {
  let scans = 0;
  for (let at = first; at !== -1; at = bytes.indexOf(0xff, at + 1)) {
    if (bytes[at + 1] === startOfScan) scans++;
  }
  if (scans > maximumScans) {
    throw new ImageError(
      'image_too_large',
      `The JPEG has ${scans} scans; at most ${maximumScans} are read.`,
    );
  }
}

const startsWith = (segment: Uint8Array, text: string) =>
  Array.from(text).every((character, i) => segment[i] === character.charCodeAt(0));
