import { ImageError, type RasterImage } from './image.ts';
import { exifOrientation, type Orientation } from './orientation.ts';

/** An instance of `shared/kernels/build/jpeg.wasm` and its memory. */
export interface JpegDecoder {
  exports: object;
  memory: { buffer: ArrayBuffer; grow(pages: number): number };
}

/** Makes an instance with so many pages of 64 KiB; shared/ knows no WebAssembly API. */
export type OpenJpegDecoder = (pages: number) => JpegDecoder;

export interface JpegOptions {
  open: OpenJpegDecoder;
  /**
   * The picture may be decoded at 1/2, 1/4 or 1/8 of its size as long as its longer side keeps this many pixels.
   * (default: the size in the file)
   */
  minSide?: number | undefined;
  /** Most pixels that are decoded; a larger picture is reduced further. (default: 4,000,000) */
  maxPixels?: number | undefined;
}

export interface JpegHeader {
  width: number;
  height: number;
  orientation: Orientation;
}

interface Component {
  id: number;
  /** Sampling factors, 1 to 4. */
  across: number;
  down: number;
  quantizer: number;
}

interface Frame {
  width: number;
  height: number;
  /** 8 or 12 bits a sample. */
  precision: number;
  progressive: boolean;
  components: Component[];
}

/** What the segments before the first scan say. */
interface Header {
  frame: Frame;
  orientation: Orientation;
  /** Adobe's marker: 0 RGB or CMYK as they are, 1 YCbCr, 2 YCCK; `null` without that marker. */
  adobeTransform: number | null;
  isJfif: boolean;
}

interface Segment {
  marker: number;
  /** Offset of the bytes after the length. */
  start: number;
  end: number;
}

/** What shared/kernels/assembly/jpeg.ts exports; its docstrings say what each function does. */
interface Decoder {
  tablesEnd(): number;
  huffmanAddress(index: number): number;
  quantizerAddress(index: number): number;
  keptAddress(): number;
  componentAddress(index: number): number;
  makeHuffmanTable(index: number, counts: number, symbols: number): number;
  nextMarker(from: number, to: number): number;
  decodeScan(
    from: number,
    to: number,
    scanned: number,
    size: number,
    mcusAcross: number,
    mcusDown: number,
    restarts: number,
    progressive: number,
    first: number,
    final: number,
    high: number,
    low: number,
  ): number;
  finishComponent(index: number, size: number, lines: number): void;
  writeRgba(
    out: number,
    width: number,
    height: number,
    size: number,
    colours: number,
    maxAcross: number,
    maxDown: number,
  ): void;
}

const marker = { soi: 0xd8, eoi: 0xd9, sos: 0xda, dqt: 0xdb, dht: 0xc4, dri: 0xdd } as const;
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

/**
 * How many blocks all scans together may visit. A 50-megapixel picture has 1.2 million, and an encoder writes 10 scans or so into a
 * progressive one; a visit takes some 10 ns.
 */
const maxVisits = 30_000_000;

/** Bytes of memory that are kept for the next picture; more are given back. */
const maxKeptBytes = 8 * 1024 * 1024;

/** T.81, figure A.6: the raster position of each coefficient in the file's order. */
const zigzag = Uint8Array.of(
  ...[0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48],
  ...[41, 34, 27, 20, 13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15],
  ...[23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63],
);

const corrupt = (why: string) => new ImageError('bad_image', `The JPEG is corrupt: ${why}.`);

/**
 * Reads the size and orientation of a JPEG from the segments before its first scan, without decoding it.
 *
 * @param bytes a file that starts with the JPEG signature
 * @throws {ImageError} if it has no frame header before the first scan, or one that is not supported
 */
export function readJpegHeader(bytes: Uint8Array): JpegHeader {
  const { frame, orientation } = readHeader(bytes);
  return { width: frame.width, height: frame.height, orientation };
}

function readHeader(bytes: Uint8Array): Header {
  let frame: Frame | null = null;
  let orientation: Orientation = 1;
  let adobeTransform: number | null = null;
  let isJfif = false;
  for (const segment of segments(bytes, 2)) {
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

/** Finds the segments from an offset on. Fill bytes and stray bytes between them are passed over. */
function* segments(bytes: Uint8Array, from: number): Generator<Segment, void, undefined> {
  let at = from;
  while (at + 1 < bytes.length) {
    const next = bytes.indexOf(0xff, at);
    if (next === -1 || next + 1 >= bytes.length) return;
    const code = bytes[next + 1] as number;
    at = next + 1;
    if (code === 0xff) continue;
    at++;
    // 0 is no marker; TEM, the restart markers and a second start stand alone.
    if (code === 0 || code === 0x01 || (code >= 0xd0 && code <= marker.soi)) continue;
    if (code === marker.eoi) return;
    const length = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    if (length < 2 || at + length > bytes.length) throw corrupt('it is cut off within a segment');
    yield { marker: code, start: at + 2, end: at + length };
    at += length;
  }
}

/** Markers of a frame header: SOF0 to SOF15 but for DHT, JPG and DAC; JPEG-LS's. */
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
  if (precision !== 8 && precision !== 12) throw corrupt(`its samples have ${precision} bits`);
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
  return { width, height, precision, progressive: code === 0xc2, components };
}

const startsWith = (data: Uint8Array, text: string) =>
  Array.from(text).every((character, i) => data[i] === character.charCodeAt(0));

/** How the samples become colours; the numbers are those of assembly/jpeg.ts. */
const colours = { grey: 0, rgb: 1, ycc: 2, cmyk: 3, ycck: 4 } as const;

/** Which colours the components are, as libjpeg decides it (jdapimin.c, default_decompress_parms). */
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

/** Where a component lies while it is decoded. */
interface Layout extends Component {
  /** Blocks of its own, as a scan of this component alone has them. */
  width: number;
  height: number;
  /** Blocks in memory: whole MCUs. */
  blocksAcross: number;
  blocksDown: number;
  plane: number;
  coefficients: number;
  history: number;
}

let kept: { open: OpenJpegDecoder; decoder: JpegDecoder } | null = null;

/** Opens a decoder with at least so many bytes of memory. Decoding is synchronous: one instance serves one picture at a time. */
function openDecoder(open: OpenJpegDecoder, bytes: number): JpegDecoder {
  const pages = Math.ceil(bytes / 65536);
  if (kept?.open !== open) kept = { open, decoder: open(pages) };
  const { decoder } = kept;
  const missing = pages - decoder.memory.buffer.byteLength / 65536;
  if (missing > 0) decoder.memory.grow(missing);
  return decoder;
}

/**
 * Decodes a baseline, extended or progressive JPEG, grey, YCbCr, RGB, CMYK or YCCK, as it lies in the file.
 *
 * @param bytes a file whose size has been found acceptable
 * @returns the picture, at a reduced size if the options allow it
 * @throws {ImageError} if the file is cut off or corrupt
 */
export function decodeJpeg(bytes: Uint8Array, options: JpegOptions): RasterImage {
  const header = readHeader(bytes);
  const { frame } = header;
  const colour = coloursOf(header);
  const size = blockSize(frame, options);
  const width = Math.ceil((frame.width * size) / 8);
  const height = Math.ceil((frame.height * size) / 8);
  const maxAcross = Math.max(...frame.components.map(({ across }) => across));
  const maxDown = Math.max(...frame.components.map(({ down }) => down));
  const mcus = {
    across: Math.ceil(frame.width / (8 * maxAcross)),
    down: Math.ceil(frame.height / (8 * maxDown)),
  };

  // Tables, the file with a margin that reads as its end, then what is computed.
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
  const out = claim(width * height * 4);
  const { exports, memory } = openDecoder(options.open, free);
  const decoder = exports as Decoder;
  try {
    const heap = new Uint8Array(memory.buffer);
    heap.set(bytes, input);
    heap.fill(0, input + bytes.length, free);
    decodeScans({ bytes, heap, decoder, frame, layouts, mcus, size, input });
    for (const [i, layout] of layouts.entries()) {
      writeComponent(heap, decoder, i, layout);
      if (frame.progressive) decoder.finishComponent(i, size, layout.blocksDown);
    }
    decoder.writeRgba(out, width, height, size, colour, maxAcross, maxDown);
    return { width, height, data: heap.slice(out, out + width * height * 4) };
  } finally {
    if (memory.buffer.byteLength > maxKeptBytes) kept = null;
  }
}

const align = (address: number) => (address + 15) & ~15;

/** Samples a side that an 8x8 block becomes: the fewest that leave the picture large enough. */
function blockSize({ width, height }: Frame, { minSide, maxPixels = 4_000_000 }: JpegOptions) {
  const longer = Math.max(width, height);
  const sizes = [1, 2, 4, 8] as const;
  const wanted = sizes.find((size) => (longer * size) / 8 >= (minSide ?? longer)) ?? 8;
  const allowed = sizes.findLast((size) => (width * height * size * size) / 64 <= maxPixels);
  if (allowed === undefined) {
    throw new ImageError('image_too_large', `The JPEG is ${width}x${height} pixels.`);
  }
  return Math.min(wanted, allowed) as 1 | 2 | 4 | 8;
}

interface Decoding {
  bytes: Uint8Array;
  heap: Uint8Array;
  decoder: Decoder;
  frame: Frame;
  layouts: Layout[];
  mcus: { across: number; down: number };
  size: 1 | 2 | 4 | 8;
  /** Address of the file's first byte. */
  input: number;
}

/** Goes through tables and scans until the end of the image; what follows it is not the image. */
function decodeScans(decoding: Decoding): void {
  const { bytes, heap, decoder, frame, layouts, size, input } = decoding;
  writeKept(heap, decoder, size);
  const tables = new Set<number>();
  const quantizers = new Set<number>();
  /** Components whose samples, or first coefficients, have come. */
  const complete = new Set<number>();
  let restarts = 0;
  let visits = 0;
  let from = 2;
  for (;;) {
    const next = segmentAt(bytes, from);
    if (!next) break;
    const data = bytes.subarray(next.start, next.end);
    from = next.end;
    if (next.marker === marker.dqt) writeQuantizers(data, decoding, quantizers);
    else if (next.marker === marker.dht) writeHuffman(data, next.start + input, decoder, tables);
    else if (next.marker === marker.dri) restarts = ((data[0] ?? 0) << 8) | (data[1] ?? 0);
    else if (next.marker === marker.sos) {
      const scan = readScan(data, frame);
      const scanned = scan.components.map(({ index }) => layouts[index] as Layout);
      const end = input + bytes.length;
      if (frame.progressive && scan.first > 0 && size === 1) {
        from = decoder.nextMarker(input + next.end, end) - input;
        continue;
      }
      visits += scanned.reduce((sum, { blocksAcross, blocksDown }) => sum + blocksAcross * blocksDown, 0);
      if (visits > maxVisits) {
        throw new ImageError('image_too_large', 'The JPEG has too many scans for its size.');
      }
      for (const [i, { index, dc, ac }] of scan.components.entries()) {
        const layout = layouts[index] as Layout;
        if (!quantizers.has(layout.quantizer)) throw corrupt('a quantization table is missing');
        const needsDc = scan.first === 0 && scan.high === 0;
        const needsAc = !frame.progressive || scan.first > 0;
        if ((needsDc && !tables.has(dc)) || (needsAc && !tables.has(4 + ac))) {
          throw corrupt('a Huffman table is missing');
        }
        writeComponent(heap, decoder, i, layout, dc, ac);
        if (needsDc) complete.add(index);
      }
      const read = decoder.decodeScan(
        input + next.end,
        end,
        scanned.length,
        size,
        decoding.mcus.across,
        decoding.mcus.down,
        restarts,
        frame.progressive ? 1 : 0,
        scan.first,
        scan.final,
        scan.high,
        scan.low,
      );
      if (read === 0) throw corrupt('its data is cut off or damaged');
      from = decoder.nextMarker(read, end) - input;
    }
  }
  if (complete.size < layouts.length) throw corrupt('it is cut off before its last component');
}

function segmentAt(bytes: Uint8Array, from: number): Segment | undefined {
  const { value } = segments(bytes, from).next();
  return value ?? undefined;
}

/** Says which coefficients are kept, and where. */
function writeKept(heap: Uint8Array, decoder: Decoder, size: number): void {
  const address = decoder.keptAddress();
  for (const [i, position] of zigzag.entries()) {
    const row = position >> 3;
    const column = position & 7;
    heap[address + i] = row < size && column < size ? row * size + column : 255;
  }
}

/** Factors of the eight-point inverse DCT of Arai, Agui and Nakajima. */
const aan = Array.from({ length: 8 }, (_, i) => (i === 0 ? 1 : Math.SQRT2 * Math.cos((i * Math.PI) / 16)));

/** T.81, B.2.4.1. The values are multiplied by the scale of the inverse DCT. */
function writeQuantizers(data: Uint8Array, decoding: Decoding, present: Set<number>): void {
  const { heap, decoder, size, frame } = decoding;
  let at = 0;
  while (at < data.length) {
    const index = (data[at] as number) & 15;
    const bytesEach = (data[at] as number) >> 4 ? 2 : 1;
    at++;
    if (index > 3 || at + 64 * bytesEach > data.length) {
      throw corrupt('a quantization table is cut off');
    }
    const values = new Float32Array(heap.buffer, decoder.quantizerAddress(index), 64);
    for (const [i, position] of zigzag.entries()) {
      const value =
        bytesEach === 2
          ? ((data[at + 2 * i] as number) << 8) | (data[at + 2 * i + 1] as number)
          : (data[at + i] as number);
      const row = position >> 3;
      const column = position & 7;
      if (row >= size || column >= size) continue;
      const factors = size === 8 ? (aan[row] as number) * (aan[column] as number) : 1;
      values[row * size + column] = (value * factors) / (frame.precision === 12 ? 128 : 8);
    }
    present.add(index);
    at += 64 * bytesEach;
  }
}

/** T.81, B.2.4.2. @param address of the data in the decoder's memory */
function writeHuffman(data: Uint8Array, address: number, decoder: Decoder, present: Set<number>) {
  let at = 0;
  while (at + 17 <= data.length) {
    const kind = (data[at] as number) >> 4;
    const index = (data[at] as number) & 15;
    const count = data.subarray(at + 1, at + 17).reduce((sum, codes) => sum + codes, 0);
    if (kind > 1 || index > 3 || count > 256 || at + 17 + count > data.length) {
      throw corrupt('a Huffman table is cut off');
    }
    const table = 4 * kind + index;
    if (!decoder.makeHuffmanTable(table, address + at + 1, address + at + 17)) {
      throw corrupt('a Huffman table has too many codes');
    }
    present.add(table);
    at += 17 + count;
  }
}

interface Scan {
  components: { index: number; dc: number; ac: number }[];
  first: number;
  final: number;
  high: number;
  low: number;
}

/** T.81, B.2.3. */
function readScan(data: Uint8Array, frame: Frame): Scan {
  const count = data[0] ?? 0;
  const rest = data.subarray(1 + 2 * count);
  if (count < 1 || count > 4 || rest.length < 3) throw corrupt('a scan header is cut off');
  const components = Array.from({ length: count }, (_, i) => {
    const index = frame.components.findIndex(({ id }) => id === data[1 + 2 * i]);
    const tables = data[2 + 2 * i] as number;
    if (index === -1 || tables >> 4 > 3 || (tables & 15) > 3) {
      throw corrupt('a scan names a component or table that does not exist');
    }
    return { index, dc: tables >> 4, ac: tables & 15 };
  });
  if (new Set(components.map(({ index }) => index)).size < count) {
    throw corrupt('a scan names a component twice');
  }
  if (!frame.progressive) return { components, first: 0, final: 63, high: 0, low: 0 };
  const [first, final, bits] = rest as unknown as [number, number, number];
  const high = bits >> 4;
  const low = bits & 15;
  const isDc = first === 0 && final === 0;
  const isAc = first > 0 && first <= final && final <= 63 && count === 1;
  if ((!isDc && !isAc) || low > 13 || (high !== 0 && high !== low + 1)) {
    throw corrupt('a scan has a band that does not exist');
  }
  return { components, first, final, high, low };
}

/** Tells the decoder where a component lies; the offsets are those of assembly/jpeg.ts. */
function writeComponent(
  heap: Uint8Array,
  decoder: Decoder,
  index: number,
  layout: Layout,
  dc = 0,
  ac = 0,
): void {
  const { plane, coefficients, history, blocksAcross, width, height, across, down } = layout;
  const fields = [plane, coefficients, history, blocksAcross, width, height, across, down];
  const target = new Int32Array(heap.buffer, decoder.componentAddress(index), 12);
  target.set([...fields, dc, ac, layout.quantizer, 0]);
}
