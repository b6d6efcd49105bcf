import { type DecodingTime, spend } from './image.ts';
import {
  type Component,
  checkSegments,
  corrupt,
  type Frame,
  marker,
  type Segment,
  segments,
} from './jpeg-segments.ts';

/** The exports of shared/kernels/assembly/decoders.ts for JPEG. Their docstrings are in the files that it names. */
export interface Decoder {
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
    rows: number,
    rowBytes: number,
    width: number,
    height: number,
    size: number,
    colours: number,
    maxAcross: number,
    maxDown: number,
  ): void;
}

/** A component's position in the decoder's memory. */
export interface Layout extends Component {
  /** The blocks of a scan of only this component. */
  width: number;
  height: number;
  /** Blocks in memory: whole MCUs. */
  blocksAcross: number;
  blocksDown: number;
  plane: number;
  coefficients: number;
  history: number;
}

/**
 * The time that a scan takes per block that it visits. A 50-megapixel picture has 2.3 million blocks at most, of which only the
 * scans of first coefficients visit all; a picture of 12 megapixels in the scans of libjpeg visits 3.2 million.
 */
const nanosecondsPerVisit = 80;

/** T.81, figure A.6: the raster position of each coefficient in the file's order. */
const zigzag = Uint8Array.of(
  ...[0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48],
  ...[41, 34, 27, 20, 13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15],
  ...[23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63],
);

export interface Decoding {
  bytes: Uint8Array;
  heap: Uint8Array;
  decoder: Decoder;
  frame: Frame;
  layouts: Layout[];
  mcus: { across: number; down: number };
  size: 1 | 2 | 4 | 8;
  /** Address of the file's first byte. */
  input: number;
  time: DecodingTime;
}

/** Reads tables and scans until the end of the image, and ignores the rest of the file. */
export function decodeScans(decoding: Decoding): void {
  const { bytes, heap, decoder, frame, layouts, size, input, time } = decoding;
  writeKept(heap, decoder, size);
  const tables = new Set<number>();
  const quantizers = new Set<number>();
  /** Components whose samples, or first coefficients, have been read. */
  const complete = new Set<number>();
  let restarts = 0;
  let count = 0;
  let from = 2;
  for (;;) {
    const next = segmentAt(bytes, from);
    if (!next) break;
    checkSegments(++count);
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
      const visits = scanned.reduce(
        (sum, { blocksAcross, blocksDown }) => sum + blocksAcross * blocksDown,
        0,
      );
      spend(time, nanosecondsPerVisit * visits);
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

/** Writes the place of each coefficient that is kept into the decoder's memory. */
function writeKept(heap: Uint8Array, decoder: Decoder, size: number): void {
  const address = decoder.keptAddress();
  for (const [i, position] of zigzag.entries()) {
    const row = position >> 3;
    const column = position & 7;
    heap[address + i] = row < size && column < size ? row * size + column : 255;
  }
}

/** Factors of the eight-point inverse DCT of Arai, Agui and Nakajima. */
const aan = Array.from({ length: 8 }, (_, i) =>
  i === 0 ? 1 : Math.SQRT2 * Math.cos((i * Math.PI) / 16),
);

/** T.81, B.2.4.1. The values are multiplied by the scale of the inverse DCT. */
function writeQuantizers(data: Uint8Array, decoding: Decoding, present: Set<number>): void {
  const { heap, decoder, size } = decoding;
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
      values[row * size + column] = (value * factors) / 8;
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

/** Writes a component's fields into the decoder's memory, at the offsets of assembly/jpeg-memory.ts. */
export function writeComponent(
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
