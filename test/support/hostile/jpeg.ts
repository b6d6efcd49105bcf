/** Parts of a JPEG (ITU-T T.81), to assemble files that no encoder writes. */

/** Returns a segment: marker, length and content. */
export function segment(marker: number, content: Iterable<number>): Uint8Array {
  const data = Uint8Array.from(content);
  const length = data.length + 2;
  return Uint8Array.of(0xff, marker, length >> 8, length & 255, ...data);
}

/** Returns a marker that has no content, such as a restart. */
export const bare = (marker: number): Uint8Array => Uint8Array.of(0xff, marker);

export const startOfImage: Uint8Array = bare(0xd8);
export const endOfImage: Uint8Array = bare(0xd9);

/** Returns a quantization table of equal values (default: 1). */
export const quantizers = (index = 0, value = 1): Uint8Array =>
  segment(0xdb, [index, ...Array<number>(64).fill(value)]);

/**
 * Returns a Huffman table.
 *
 * @param kind 0 for the first coefficient, 1 for the others
 * @param symbols the n-th has the code of n ones and a zero; the first is a single zero bit
 */
export function huffman(kind: 0 | 1, index: number, symbols: number[]): Uint8Array {
  const counts = Array.from({ length: 16 }, (_, i) => (i < symbols.length ? 1 : 0));
  return segment(0xc4, [16 * kind + index, ...counts, ...symbols]);
}

export interface FrameParts {
  width: number;
  height: number;
  /** 0xc0 baseline, 0xc2 progressive. (default: 0xc0) */
  marker?: number;
  /** (default: 3) */
  components?: number;
  /** Sampling factors of the first component; the others have 1x1. (default: 0x11) */
  sampling?: number;
}

export function frame(parts: FrameParts): Uint8Array {
  const { width, height, marker = 0xc0, components = 3, sampling = 0x11 } = parts;
  const each = Array.from({ length: components }, (_, i) => [i + 1, i === 0 ? sampling : 0x11, 0]);
  const size = [height >> 8, height & 255, width >> 8, width & 255];
  return segment(marker, [8, ...size, components, ...each.flat()]);
}

export interface Band {
  /** Which components, from 1. */
  components: number[];
  /** The coefficients, 0 to 63. */
  first: number;
  final: number;
  /** The bits before this scan, times 16, and after it. (default: 0) */
  bits?: number;
}

/** Returns a scan's header; its data follows. */
export function scan({ components, first, final, bits = 0 }: Band): Uint8Array {
  const each = components.flatMap((id) => [id, 0]);
  return segment(0xda, [components.length, ...each, first, final, bits]);
}

/** Adobe's marker, which names the colour model of four components. */
export const adobe: Uint8Array = segment(
  0xee,
  Buffer.from([...Buffer.from('Adobe'), 0, 100, 0, 0, 0, 0, 0]),
);

/** Blocks of a frame without subsampling, padded as in memory. */
const blocksOf = ({ width, height }: FrameParts) => Math.ceil(width / 8) * Math.ceil(height / 8);

/** Data in which every code is a single zero bit. */
export const zeroBits = (bits: number): Uint8Array => new Uint8Array(Math.ceil(bits / 8));

/** Returns a whole JPEG of one colour, in one scan or in many, with a code of one bit for everything. */
export function plainJpeg(parts: FrameParts & { scans?: Band[] }): Uint8Array {
  const { components = 3, marker, scans = [] } = parts;
  const blocks = blocksOf(parts);
  const all = Array.from({ length: components }, (_, i) => i + 1);
  const sequential = [
    scan({ components: all, first: 0, final: 63 }),
    zeroBits(2 * blocks * components),
  ];
  const progressive = scans.flatMap((band) => [
    scan(band),
    zeroBits(blocks * band.components.length),
  ]);
  return Buffer.concat([
    startOfImage,
    ...(components === 4 ? [adobe] : []),
    quantizers(),
    huffman(0, 0, [0]),
    huffman(1, 0, [0]),
    frame(parts),
    ...(marker === 0xc2 ? progressive : sequential),
    endOfImage,
  ]);
}

/** Bits that end 16,384 blocks and 10,922 more, as often as fits, with a code of one bit for 0xe0. */
const endOfBandRuns = (blocks: number) =>
  Uint8Array.from(
    '001010101010101'
      .repeat(8 * Math.ceil(blocks / 27_306))
      .match(/.{8}/g)
      ?.map((bits) => Number.parseInt(bits, 2)) ?? [],
  );

/** Returns a square grey JPEG with progressive scans that visit all blocks and hold nothing. */
export function emptyScans(side: number, scans: number): Uint8Array {
  const blocks = Math.ceil(side / 8) ** 2;
  const runs = endOfBandRuns(blocks);
  const each = [scan({ components: [1], first: 1, final: 63 }), runs];
  return Buffer.concat([
    startOfImage,
    quantizers(),
    huffman(0, 0, [0]),
    huffman(1, 0, [0xe0]),
    frame({ width: side, height: side, marker: 0xc2, components: 1 }),
    scan({ components: [1], first: 0, final: 0 }),
    zeroBits(blocks),
    ...Array(scans).fill(each).flat(),
    endOfImage,
  ]);
}

/** Returns a square grey JPEG of which each progressive scan has a coefficient every two bits. */
export function denseScans(side: number, scans: number): Uint8Array {
  const blocks = Math.ceil(side / 8) ** 2;
  const each = [scan({ components: [1], first: 1, final: 63 }), zeroBits(126 * blocks)];
  return Buffer.concat([
    startOfImage,
    quantizers(),
    huffman(0, 0, [0]),
    huffman(1, 0, [1]),
    frame({ width: side, height: side, marker: 0xc2, components: 1 }),
    scan({ components: [1], first: 0, final: 0 }),
    zeroBits(blocks),
    ...Array(scans).fill(each).flat(),
    endOfImage,
  ]);
}
