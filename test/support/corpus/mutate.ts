import * as fc from 'fast-check';
import { crc32 } from '../../../shared/image/png-chunks.ts';

/**
 * A change to a file. A place below 64 is an offset in bytes, because headers are at the start. Larger ones are ten-thousandths of the
 * file's length. (Most generated doubles would be close to 0.)
 */
type Mutation =
  | { kind: 'set'; place: number; bytes: number[] }
  | { kind: 'flip'; place: number; bit: number }
  | { kind: 'cut'; place: number; length: number }
  | { kind: 'repeat'; place: number; length: number; times: number }
  | { kind: 'truncate'; place: number };

/** The changes to one file. */
export interface Damage {
  mutations: Mutation[];
  /** Whether a PNG's checksums are recomputed, so that decoding continues past them. */
  repairsChecksums: boolean;
}

const headerBytes = 64;
const shares = 10_000;
const place = fc.oneof(
  fc.integer({ min: 0, max: headerBytes - 1 }),
  fc.integer({ min: headerBytes, max: headerBytes + shares - 1 }),
);
const length = fc.oneof(fc.integer({ min: 1, max: 16 }), fc.integer({ min: 1, max: 4096 }));
/** Numbers at the limits of fields, in both byte orders. */
const edges = fc.constantFrom<number[][]>(
  [0],
  [1],
  [0x7f],
  [0x80],
  [0xff],
  [0, 0],
  [0xff, 0xff],
  [0, 0x40],
  [0x40, 0],
  [0, 0, 0, 0],
  [0xff, 0xff, 0xff, 0xff],
  [0x7f, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0x7f],
  [0, 0, 0x10, 0],
);

/** Any mutation that fast-check generates. */
export const damages: fc.Arbitrary<Damage> = fc.record({
  mutations: fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant('set' as const), place, bytes: edges }),
      fc.record({
        kind: fc.constant('set' as const),
        place,
        bytes: fc.array(fc.nat(255), { minLength: 1, maxLength: 8 }),
      }),
      fc.record({ kind: fc.constant('flip' as const), place, bit: fc.nat(7) }),
      fc.record({ kind: fc.constant('cut' as const), place, length }),
      fc.record({
        kind: fc.constant('repeat' as const),
        place,
        length,
        times: fc.integer({ min: 1, max: 32 }),
      }),
      fc.record({ kind: fc.constant('truncate' as const), place }),
    ),
    { minLength: 1, maxLength: 6 },
  ),
  repairsChecksums: fc.boolean(),
});

/** @returns a corrupt copy of a file, at most 64 KiB longer per repetition */
export function damage(file: Uint8Array, { mutations, repairsChecksums }: Damage) {
  let bytes = Uint8Array.from(file);
  for (const mutation of mutations) bytes = apply(bytes, mutation);
  if (repairsChecksums) mendChecksums(bytes);
  return bytes;
}

function apply(bytes: Uint8Array<ArrayBuffer>, mutation: Mutation): Uint8Array<ArrayBuffer> {
  const { place } = mutation;
  const at =
    place < headerBytes
      ? Math.min(place, bytes.length)
      : Math.floor(((place - headerBytes) / shares) * bytes.length);
  switch (mutation.kind) {
    case 'set':
      bytes.set(mutation.bytes.slice(0, bytes.length - at), at);
      return bytes;
    case 'flip':
      bytes[at] = (bytes[at] ?? 0) ^ (1 << mutation.bit);
      return bytes;
    case 'cut':
      return Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + mutation.length)]);
    case 'repeat': {
      const piece = bytes.subarray(at, at + Math.min(mutation.length, 2048));
      const repeated = Array.from({ length: mutation.times }, () => [...piece]).flat();
      return Uint8Array.from([...bytes.subarray(0, at), ...repeated, ...bytes.subarray(at)]);
    }
    case 'truncate':
      return bytes.slice(0, at);
  }
}

/** Iterates over a PNG's chunks as far as they are consistent. */
function mendChecksums(bytes: Uint8Array): void {
  if (bytes[1] !== 0x50) return;
  const view = new DataView(bytes.buffer);
  let offset = 8;
  while (offset + 12 <= bytes.length) {
    const end = offset + 8 + view.getUint32(offset);
    if (end + 4 > bytes.length) return;
    view.setUint32(end, crc32(bytes.subarray(offset + 4, end)));
    offset = end + 4;
  }
}
