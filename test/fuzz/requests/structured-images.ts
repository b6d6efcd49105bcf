/** Image files assembled from the parts of their formats: valid files, and files in which a part is missing, repeated or wrong. */
import * as fc from 'fast-check';
import * as jpeg from '../../support/hostile/jpeg.ts';
import { inBlocks, webp } from '../../support/hostile/other-formats.ts';
import * as png from '../../support/hostile/png.ts';
import { mostly } from './hostile.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** Sizes at the limits: of blocks, of the network's input, of megapixels and of the formats' fields. */
const sides = fc.constantFrom(1, 7, 8, 9, 28, 29, 500, 895, 2000, 3580, 4000, 10_000, 65_535);
const smallSides = fc.constantFrom(1, 7, 8, 9, 28, 29, 100, 500);
const junk = fc.uint8Array({ maxLength: 300 });

/** Parts in their order, of which some are left out, repeated or moved to the end. */
function rearranged(parts: fc.Arbitrary<Uint8Array[]>): fc.Arbitrary<Bytes> {
  const changes = fc.array(
    fc.record({
      place: fc.nat(40),
      kind: fc.constantFrom('drop', 'repeat', 'last'),
      times: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 100, max: 20_000 })),
    }),
    { maxLength: 3 },
  );
  return fc
    .tuple(parts, mostly(changes.map(() => []) as typeof changes, changes, 5))
    .map(([all, made]) => {
      const changed = [...all];
      for (const { place, kind, times } of made) {
        const at = place % Math.max(1, changed.length);
        const part = changed[at] ?? new Uint8Array();
        const count = Math.max(1, Math.min(times, Math.floor(2_000_000 / (part.length + 1))));
        if (kind === 'repeat') changed.splice(at, 0, ...Array<Uint8Array>(count).fill(part));
        else changed.splice(at, 1);
        if (kind === 'last') changed.push(part);
      }
      return Uint8Array.from(Buffer.concat(changed));
    });
}

const symbols = fc.oneof(
  fc.constant<number[]>([0]),
  fc.array(fc.constantFrom(0, 1, 2, 5, 0x11, 0xf0, 0xe0, 0xff), { minLength: 1, maxLength: 16 }),
);
const frames = fc.record({
  width: sides,
  height: sides,
  marker: mostly(fc.constantFrom(0xc0, 0xc2), fc.constantFrom(0xc1, 0xc3, 0xc9, 0xf7)),
  components: mostly(fc.constantFrom(1, 3), fc.constantFrom(0, 2, 4), 1),
  sampling: mostly(fc.constantFrom(0x11, 0x22), fc.constantFrom(0x00, 0x14, 0x41, 0x44, 0x55)),
});
const bands = fc.record({
  components: fc.constantFrom<number[][]>([1], [1], [2], [1, 2, 3], [1, 2, 3, 4]),
  first: fc.constantFrom(0, 0, 1, 6, 63),
  final: fc.constantFrom(0, 0, 5, 63, 64),
  bits: fc.constantFrom(0, 1, 0x10, 0x21, 0x0d, 0xdc),
});
const scanData = fc.oneof(
  fc.constantFrom(1, 100, 10_000, 300_000).map((length) => new Uint8Array(length)),
  junk,
  fc
    .array(fc.integer({ min: 0xd0, max: 0xd7 }), { maxLength: 40 })
    .map((all) => Buffer.concat(all.flatMap((code) => [new Uint8Array(3), jpeg.bare(code)]))),
);

/** Frames, scans, tables and restart markers. */
const jpegs = rearranged(
  fc
    .record({
      tables: fc.tuple(symbols, symbols),
      frames: mostly(fc.tuple(frames), fc.array(frames, { maxLength: 3 })),
      scans: fc.array(fc.tuple(bands, scanData), { minLength: 1, maxLength: 8 }),
      restarts: mostly(fc.constant(0), fc.constantFrom(1, 2, 65_535)),
    })
    .map(({ tables: [dc, ac], frames, scans, restarts }) => [
      jpeg.startOfImage,
      jpeg.quantizers(),
      jpeg.huffman(0, 0, dc),
      jpeg.huffman(1, 0, ac),
      jpeg.segment(0xdd, [restarts >> 8, restarts & 255]),
      jpeg.adobe,
      ...frames.map(jpeg.frame),
      ...scans.flatMap(([band, data]) => [jpeg.scan(band), data]),
      jpeg.endOfImage,
    ]),
);

/** Chunks; the data of small pictures is whole, that of others too short or too long. */
const pngs = rearranged(
  fc
    .record({
      header: fc.record({
        width: fc.oneof(smallSides, sides),
        height: fc.oneof(smallSides, sides),
        depth: fc.constantFrom(8, 8, 1, 2, 4, 16),
        colorType: fc.constantFrom(0, 2, 3, 4, 6),
        interlaced: fc.boolean(),
      }),
      rows: fc.record({ width: smallSides, height: smallSides }),
      isWhole: mostly(fc.constant(true), fc.constant(false)),
      filter: mostly(fc.integer({ min: 0, max: 4 }), fc.constant(5), 1),
      value: fc.constantFrom(0, 1, 255),
      pieceBytes: fc.constantFrom(1, 2, 100, 8192, 65_536),
      others: fc.array(
        fc.tuple(fc.constantFrom('PLTE', 'tRNS', 'eXIf', 'iCCP', 'tEXt', 'IDAT', 'acTL'), junk),
        { maxLength: 3 },
      ),
    })
    .map(({ header, rows, isWhole, filter, value, pieceBytes, others }) => {
      const isSmall = header.width * header.height <= 1_000_000;
      const data = png.rows({ ...header, ...(isWhole && isSmall ? {} : rows) }, filter, value);
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < data.length; at += pieceBytes) {
        pieces.push(png.chunk('IDAT', data.subarray(at, at + pieceBytes)));
      }
      return [
        png.signature,
        png.header(header),
        ...(header.colorType === 3 ? [png.chunk('PLTE', new Uint8Array(768))] : []),
        ...others.map(([type, content]) => png.chunk(type, content)),
        ...pieces,
        png.chunk('IEND', new Uint8Array()),
      ];
    }),
);

const littleEndian = (values: number[]) => values.flatMap((value) => [value & 255, value >> 8]);

/** Extensions and frames. */
const gifs = rearranged(
  fc
    .record({
      screen: fc.tuple(sides, sides),
      hasPalette: mostly(fc.constant(true), fc.constant(false)),
      extension: fc.tuple(fc.constantFrom(0xf9, 0xfe, 0xff), junk),
      frames: fc.array(
        fc.record({
          place: fc.tuple(fc.constantFrom(0, 1, 65_535), fc.constantFrom(0, 1, 65_535)),
          size: fc.tuple(sides, sides),
          flags: fc.constantFrom(0, 0x40, 0x80, 0xc7),
          codeSize: mostly(fc.integer({ min: 2, max: 8 }), fc.constantFrom(0, 1, 9, 255), 1),
          codes: fc.oneof(
            junk,
            fc.constantFrom(0, 0x24, 0xff).map((b) => Buffer.alloc(5000, b)),
          ),
        }),
        { minLength: 1, maxLength: 3 },
      ),
    })
    .map(({ screen, hasPalette, extension: [label, content], frames }) => [
      Buffer.from('GIF89a'),
      Uint8Array.of(...littleEndian(screen), hasPalette ? 0x80 : 0, 0, 0),
      new Uint8Array(hasPalette ? 6 : 0),
      Buffer.concat([Uint8Array.of(0x21, label), ...inBlocks(content), Uint8Array.of(0)]),
      ...frames.map(({ place, size, flags, codeSize, codes }) =>
        Buffer.concat([
          Uint8Array.of(0x2c, ...littleEndian([...place, ...size]), flags),
          new Uint8Array(flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0),
          Uint8Array.of(codeSize),
          ...inBlocks(codes),
          Uint8Array.of(0),
        ]),
      ),
      Uint8Array.of(0x3b),
    ]),
);

const uint24 = (value: number) => [value & 255, (value >> 8) & 255, value >> 16];

/** The start of a bitstream, lossless or lossy, that names a size; its codes follow. */
const bitstreams = fc
  .tuple(fc.boolean(), sides, sides, junk)
  .map(([isLossless, width, height, codes]): [string, Uint8Array] => {
    const bits = ((width - 1) & 0x3fff) | (((height - 1) & 0x3fff) << 14);
    const lossless = [0x2f, bits & 255, (bits >> 8) & 255, (bits >> 16) & 255, bits >>> 24];
    const lossy = [0x10, 2, 0, 0x9d, 1, 0x2a, ...littleEndian([width & 0x3fff, height & 0x3fff])];
    const head = isLossless ? lossless : lossy;
    return [isLossless ? 'VP8L' : 'VP8 ', Uint8Array.of(...head, ...codes)];
  });

/** Chunks and the frames of animations. */
const webps = fc
  .record({
    canvas: fc.tuple(sides, sides),
    flags: fc.constantFrom(0, 0x02, 0x10, 0x12, 0xff),
    frames: fc.array(
      fc.record({
        place: fc.tuple(fc.constantFrom(0, 1, 30_000), fc.constantFrom(0, 1, 30_000)),
        bitstream: bitstreams,
        alpha: fc.option(junk),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    still: fc.option(bitstreams),
    others: fc.array(fc.tuple(fc.constantFrom('EXIF', 'ICCP', 'ANIM', 'ALPH', 'XXXX'), junk), {
      maxLength: 3,
    }),
    times: mostly(fc.constant(1), fc.constantFrom(0, 2, 100)),
  })
  .map(({ canvas: [width, height], flags, frames, still, others, times }): Bytes => {
    const extended = [flags, 0, 0, 0, ...uint24(width - 1), ...uint24(height - 1)];
    const animated = frames.map(
      ({ place: [left, top], bitstream, alpha }): [string, Uint8Array] => {
        const head = [...uint24(left), ...uint24(top), ...Array<number>(10).fill(0)];
        const parts = [...(alpha ? [['ALPH', alpha] as [string, Uint8Array]] : []), bitstream];
        // The chunks of a file without its header.
        return ['ANMF', Buffer.concat([Uint8Array.from(head), webp(parts).subarray(12)])];
      },
    );
    const all = [
      ['VP8X', Uint8Array.from(extended)] as [string, Uint8Array],
      ...others,
      ...animated,
      ...(still ? [still] : []),
    ];
    return Uint8Array.from(webp(Array<typeof all>(times).fill(all).flat()));
  });

/** Image files by structure. */
export const structuredImages: fc.Arbitrary<Bytes> = fc.oneof(jpegs, pngs, gifs, webps);
