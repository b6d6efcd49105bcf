/** Our inflater accepts, refuses and yields what zlib does. */
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { inflateRaw } from '../../../shared/image/inflate.ts';
import { imageDecoders } from '../../../trainer/data/image-decoders.ts';
import { emptyBlocks } from '../../support/hostile/png.ts';

const open = await imageDecoders.compiledDecoder();

function inflate(data: Uint8Array) {
  const parts: Uint8Array[] = [];
  const length = inflateRaw(open, data, (piece) => parts.push(piece.slice()) > 0);
  return { bytes: Buffer.concat(parts), length };
}

let state = 1;
const random = (below: number) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};

/** Data of several kinds: noise, one value, what repeats near and far, skewed values. */
function material(kind: number, length: number): Buffer {
  const bytes = Buffer.alloc(length, 7);
  const period = 1 + random(40_000);
  for (let i = 0; i < length && kind !== 1; i++) {
    if (kind === 0) bytes[i] = random(256);
    else if (kind === 2) bytes[i] = i < period ? random(256) : (bytes[i - period] as number);
    else bytes[i] = random(1 + random(1 + random(255)));
  }
  return bytes;
}

describe('inflateRaw', () => {
  const sizes = [0, 1, 100, 5000, 70_000, 300_000];
  const strategies = Object.entries({
    default: constants.Z_DEFAULT_STRATEGY,
    'matches of 1': constants.Z_RLE,
    'Huffman only': constants.Z_HUFFMAN_ONLY,
    'fixed codes': constants.Z_FIXED,
  });
  it.each(strategies)('yields what zlib has compressed: %s', (_, strategy) => {
    for (const [i, size] of [...sizes, ...sizes, ...sizes, ...sizes].entries()) {
      const data = material(i >> 3, size);
      const deflated = deflateRawSync(data, { level: i % 10, memLevel: 1 + (i % 9), strategy });
      const { bytes, length } = inflate(Buffer.concat([deflated, Buffer.alloc(i, 255)]));
      expect(length).toBe(deflated.length);
      expect(bytes.equals(data)).toBe(true);
    }
  });

  it('agrees with zlib on streams that are damaged or cut off', () => {
    let accepted = 0;
    for (let i = 0; i < 1500; i++) {
      const stream = deflateRawSync(material(i % 4, 2000), { level: i % 10 });
      for (let k = 0; k <= i % 3; k++) {
        const at = random(Math.min(stream.length, 200));
        stream[at] = (stream[at] as number) ^ (1 << random(8));
      }
      const damaged = i % 4 === 0 ? stream.subarray(0, random(stream.length)) : stream;
      const ours = orNull(() => inflate(damaged));
      const theirs = orNull(() => inflateRawSync(damaged));
      expect(ours?.length == null).toBe(theirs === null);
      if (theirs) {
        expect(ours?.bytes.equals(theirs)).toBe(true);
        accepted++;
      }
    }
    expect(accepted).toBeGreaterThan(50);
  });

  it('stops when no more is wanted', () => {
    let pieces = 0;
    const bomb = deflateRawSync(Buffer.alloc(50_000_000));
    expect(inflateRaw(open, bomb, () => ++pieces < 3)).toBeNull();
    expect(pieces).toBe(3);
  });

  it('refuses a stream of tables without data', () => {
    const end = deflateRawSync(Buffer.from('end'));
    expect(inflate(Buffer.concat([emptyBlocks(4000), end])).bytes.toString()).toBe('end');
    expect(() => inflate(Buffer.concat([emptyBlocks(80_000), end]))).toThrow('data is invalid');
  });
});

function orNull<Result>(run: () => Result): Result | null {
  try {
    return run();
  } catch {
    return null;
  }
}
