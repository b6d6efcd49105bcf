import { closeDecoder, openDecoder } from './decoder.ts';
import {
  type DecodingTime,
  type ImageDecoder,
  ImageError,
  maxDecodingTime,
  type OpenDecoder,
  type RasterImage,
  spend,
} from './image.ts';
import { type Decoder, decodeScans, type Layout, writeComponent } from './jpeg-scans.ts';
import { checkSegments, corrupt, type Frame, marker, segments } from './jpeg-segments.ts';
import { applyOrientation, exifOrientation, type Orientation } from './orientation.ts';
import { openRaster } from './raster.ts';

export const jpeg: ImageDecoder = {
  readSize: (bytes) => readHeader(bytes).frame,
  decode: async (bytes, { minSide, compiledDecoder, time = { left: maxDecodingTime } }) => {
    const header = readHeader(bytes);
    const open = await compiledDecoder();
    const image = decodeJpeg(bytes, { header, open, minSide, time });
    return applyOrientation(image, header.orientation);
  },
};

/** The content of the segments before the first scan. */
interface Header {
  frame: Frame;
  orientation: Orientation;
  /** Adobe's marker: 0 RGB or CMYK as they are, 1 YCbCr, 2 YCCK; `null` without that marker. */
  adobeTransform: number | null;
  isJfif: boolean;
}

const marks = { jfif: 0xe0, exif: 0xe1, adobe: 0xee } as const;

/** Frames that this decoder does not read, by their marker (T.81, table B.1; T.87). */
const unreadFrames: Record<number, string> = {
  195: 'a lossless JPEG',
  197: 'a hierarchical JPEG',
  198: 'a hierarchical JPEG',
  199: 'a hierarchical JPEG',
  201: 'a JPEG with arithmetic coding',
  202: 'a JPEG with arithmetic coding',
  203: 'a JPEG with arithmetic coding',
  205: 'a JPEG with arithmetic coding',
  206: 'a JPEG with arithmetic coding',
  207: 'a JPEG with arithmetic coding',
  247: 'a JPEG-LS',
};

/** A larger picture is reduced further, even if `minSide` is larger. */
const maxPixels = 4_000_000;
/** The time that a pixel of the reduced picture takes. */
const nanosecondsPerPixel = 15;
/** The time that a byte takes if each code is as short as possible. */
const nanosecondsPerByte = 25;

/** Reads the segments before the first scan. */
function readHeader(bytes: Uint8Array): Header {
  let frame: Frame | null = null;
  let orientation: Orientation = 1;
  let adobeTransform: number | null = null;
  let isJfif = false;
  let count = 0;
  for (const segment of segments(bytes, 2)) {
    checkSegments(++count);
    const data = bytes.subarray(segment.start, segment.end);
    if (segment.marker === marker.sos) break;
    if (isFrameHeader(segment.marker)) {
      if (frame) throw corrupt('it has two frame headers');
      frame = readFrame(segment.marker, data);
    } else if (segment.marker === marks.exif && startsWith(data, 'Exif\0')) {
      if (orientation === 1) orientation = exifOrientation(data);
    } else if (segment.marker === marks.adobe && startsWith(data, 'Adobe')) {
      adobeTransform = data[11] ?? null;
    } else if (segment.marker === marks.jfif && startsWith(data, 'JFIF')) isJfif = true;
  }
  if (!frame) throw corrupt('it is cut off before its frame header');
  return { frame, orientation, adobeTransform, isJfif };
}

/** Markers of a frame header: SOF0 to SOF15 except DHT, JPG and DAC, and JPEG-LS's. */
const isFrameHeader = (code: number) =>
  code === 0xf7 || (code >= 0xc0 && code <= 0xcf && ![marker.dht, 0xc8, 0xcc].includes(code));

/** T.81, B.2.2: precision, height, width, components. */
function readFrame(code: number, data: Uint8Array): Frame {
  const unread = unreadFrames[code];
  if (unread) {
    throw new ImageError(
      'unsupported_image',
      `This is ${unread}; baseline and progressive JPEG are supported.`,
    );
  }
  const count = data[5] ?? 0;
  if (data.length < 6 + 3 * count || ![1, 3, 4].includes(count)) {
    throw corrupt(`its frame header has ${count} colour components`);
  }
  const precision = data[0] as number;
  const height = ((data[1] as number) << 8) | (data[2] as number);
  const width = ((data[3] as number) << 8) | (data[4] as number);
  if (width === 0 || height === 0) throw corrupt(`it is ${width}x${height} pixels`);
  if (precision !== 8) {
    throw new ImageError(
      'unsupported_image',
      `This is a JPEG with ${precision} bits a sample; 8 bits are supported.`,
    );
  }
  const components = Array.from({ length: count }, (_, i) => {
    const [id, factors, quantizer] = data.subarray(6 + 3 * i, 9 + 3 * i) as unknown as number[];
    return {
      id: id as number,
      across: (factors as number) >> 4,
      down: (factors as number) & 15,
      quantizer: quantizer as number,
    };
  });
  for (const { across, down, quantizer } of components) {
    if (across < 1 || across > 4 || down < 1 || down > 4 || quantizer > 3) {
      throw corrupt('its frame header has sampling factors or tables that do not exist');
    }
  }
  return { width, height, progressive: code === 0xc2, components };
}

const startsWith = (data: Uint8Array, text: string) =>
  Array.from(text).every((character, i) => data[i] === character.charCodeAt(0));

/** The colour models, with their numbers in assembly/jpeg-colours.ts. */
const colours = { grey: 0, rgb: 1, ycc: 2, cmyk: 3, ycck: 4 } as const;

/** Returns the colour model of the components, by libjpeg's rules (jdapimin.c, default_decompress_parms). */
function coloursOf({ frame, adobeTransform, isJfif }: Header): number {
  const ids = frame.components.map(({ id }) => id);
  if (ids.length === 1) return colours.grey;
  if (ids.length === 4) {
    if (adobeTransform === null) {
      throw new ImageError(
        'unsupported_image',
        "The JPEG has four colour components and no Adobe marker that names them; only Adobe's CMYK and YCCK are supported.",
      );
    }
    return adobeTransform === 2 ? colours.ycck : colours.cmyk;
  }
  if (isJfif) return colours.ycc;
  if (adobeTransform !== null) return adobeTransform === 0 ? colours.rgb : colours.ycc;
  return String.fromCharCode(...ids) === 'RGB' ? colours.rgb : colours.ycc;
}

interface DecodeJpegOptions {
  header: Header;
  open: OpenDecoder;
  /** Pixels that the longer side keeps (default: all, up to 4 megapixels). */
  minSide: number | undefined;
  time: DecodingTime;
}

/**
 * Decodes a baseline, extended or progressive JPEG, grey, YCbCr, RGB, CMYK or YCCK, without applying its orientation. A reduced picture costs a
 * fraction of the time and memory: its blocks of 8x8 pixels become 4x4, 2x2 or one.
 *
 * A decoder of our own, because jpeg-js, the only one that runs in a Worker, holds all coefficients of the full size: 119 MB for four
 * megapixels.
 */
function decodeJpeg(
  bytes: Uint8Array,
  { header, open, minSide, time }: DecodeJpegOptions,
): RasterImage {
  const { frame } = header;
  const colour = coloursOf(header);
  const size = blockSize(frame, minSide);
  const width = Math.ceil((frame.width * size) / 8);
  const height = Math.ceil((frame.height * size) / 8);
  spend(time, nanosecondsPerByte * bytes.length + nanosecondsPerPixel * width * height);
  const maxAcross = Math.max(...frame.components.map(({ across }) => across));
  const maxDown = Math.max(...frame.components.map(({ down }) => down));
  const mcus = {
    across: Math.ceil(frame.width / (8 * maxAcross)),
    down: Math.ceil(frame.height / (8 * maxDown)),
  };

  // In this order: tables, the file with a margin of zeros, then the results.
  const tables = 65536;
  const input = tables;
  let free = align(input + bytes.length + 16);
  const claim = (length: number) => {
    const address = free;
    free = align(free + length);
    return address;
  };
  const layouts = frame.components.map((component): Layout => {
    const blocksAcross = mcus.across * component.across;
    const blocksDown = mcus.down * component.down;
    const blocks = blocksAcross * blocksDown;
    return {
      ...component,
      width: Math.ceil((frame.width * component.across) / (8 * maxAcross)),
      height: Math.ceil((frame.height * component.down) / (8 * maxDown)),
      blocksAcross,
      blocksDown,
      plane: claim(blocks * size * size),
      coefficients: frame.progressive ? claim(blocks * size * size * 2) : 0,
      history: frame.progressive && size > 1 ? claim(blocks * 8) : 0,
    };
  });
  const rowBytes = align(width + 32);
  const rows = claim(5 * rowBytes);
  const out = claim(width * height * 4);
  const opened = openDecoder(open, free);
  const { memory } = opened;
  const decoder = opened.exports as Decoder;
  try {
    const heap = new Uint8Array(memory.buffer);
    heap.set(bytes, input);
    heap.fill(0, input + bytes.length, free);
    decodeScans({ bytes, heap, decoder, frame, layouts, mcus, size, input, time });
    for (const [i, layout] of layouts.entries()) {
      writeComponent(heap, decoder, i, layout);
      if (frame.progressive) decoder.finishComponent(i, size, layout.blocksDown);
    }
    decoder.writeRgba(out, rows, rowBytes, width, height, size, colour, maxAcross, maxDown);
    // An eighth of a very large picture is still larger than needed.
    const raster = openRaster(width, height, minSide);
    for (let y = 0, from = out; y < height; y++, from += 4 * width) {
      raster.write(y, heap.subarray(from, from + 4 * width));
    }
    return withReduction(raster.finish(), frame, size, width);
  } finally {
    closeDecoder(opened);
  }
}

/** Adds the part that the picture covers: a multiple of 8 pixels was reduced, and perhaps again from a width on. */
function withReduction(image: RasterImage, { width, height }: Frame, size: number, from: number) {
  const factor = image.reduced ? from / image.reduced.extent.width : 1;
  const scale = size / 8 / factor;
  const extent = { x: 0, y: 0, width: width * scale, height: height * scale };
  return { ...image, reduced: { original: { width, height }, extent } };
}

const align = (address: number) => (address + 15) & ~15;

/** Returns the side to which an 8x8 block is reduced: the smallest that leaves the picture large enough. */
function blockSize({ width, height }: Frame, minSide?: number) {
  const longer = Math.max(width, height);
  const sizes = [1, 2, 4, 8] as const;
  const wanted = sizes.find((size) => (longer * size) / 8 >= (minSide ?? longer)) ?? 8;
  const allowed = sizes.findLast((size) => (width * height * size * size) / 64 <= maxPixels) ?? 1;
  return Math.min(wanted, allowed) as 1 | 2 | 4 | 8;
}
