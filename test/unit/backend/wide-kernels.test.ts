import { execFileSync } from 'node:child_process';
import { setFlagsFromString } from 'node:v8';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  instantiateBuild,
  instantiateKernels,
  type KernelModule,
} from '../../../trainer/backend/wasm-module.ts';

const [starts, left, right, bias, scratch, out, positions] = [
  0, 0x10000, 0x80000, 0x100000, 0x110000, 0x200000, 0x300000,
].map((address) => address + 64) as [number, number, number, number, number, number, number];

const pages = 64;
/** Noise, and NaN in what the kernels are to write. */
const before = Float32Array.from({ length: pages * 16_384 }, (_, at) =>
  at < out / 4 ? Math.sin(at * 12.9898) * 3 : Number.NaN,
);

/** Checks that both builds write the same bytes. */
function expectSameBits(run: (kernels: KernelModule, memory: WebAssembly.Memory) => void): void {
  const [relaxed, wide] = opened.map(({ kernels, memory }) => {
    new Float32Array(memory.buffer).set(before);
    run(kernels, memory);
    return Buffer.from(memory.buffer);
  }) as [Buffer, Buffer];
  expect(Buffer.compare(relaxed, wide)).toBe(0);
}

/** Writes the addresses of overlapping rows, which are not in order. */
function writeStarts(memory: WebAssembly.Memory, rows: number): void {
  const addresses = new Uint32Array(memory.buffer, starts, rows);
  for (const row of addresses.keys()) addresses[row] = left + 4 * ((row * 37) % 1000);
}

let opened: { kernels: KernelModule; memory: WebAssembly.Memory }[];

beforeAll(() => {
  // Sets V8's flag, if it has it.
  instantiateKernels(new WebAssembly.Memory({ initial: 1 }));
  // Optimizes each function before its first call.
  setFlagsFromString('--no-liftoff');
  opened = (['relaxed', 'wide'] as const).map((build) => {
    const memory = new WebAssembly.Memory({ initial: pages });
    return { kernels: instantiateBuild(build, memory), memory };
  });
});

describe('the build for 256 bits computes the same bits', () => {
  const sizes = fc.record({
    rows: fc.integer({ min: 1, max: 300 }),
    runs: fc.integer({ min: 1, max: 3 }),
    runLength: fc.integer({ min: 1, max: 40 }),
    columns: fc.integer({ min: 1, max: 70 }),
    hasBias: fc.boolean(),
    relu: fc.integer({ min: 0, max: 1 }),
    pool: fc.integer({ min: 0, max: 1 }),
  });

  it('multiplyRows', () => {
    fc.assert(
      fc.property(sizes, ({ rows, runs, runLength, columns, hasBias, relu, pool }) =>
        expectSameBits((kernels, memory) => {
          writeStarts(memory, rows + 3);
          kernels.multiplyRows(
            starts,
            pool ? (rows + 3) & ~3 : rows,
            runs,
            runLength,
            200,
            right,
            columns,
            hasBias ? bias : 0,
            relu,
            pool,
            out,
            pool && relu ? positions : 0,
          );
        }),
      ),
      { numRuns: 60 },
    );
  });

  it('sumOuterProducts', () => {
    fc.assert(
      fc.property(sizes, ({ rows, runs, runLength, columns }) =>
        expectSameBits((kernels, memory) => {
          writeStarts(memory, rows);
          kernels.sumOuterProducts(
            starts,
            rows,
            runs,
            runLength,
            200,
            right,
            columns,
            scratch,
            out,
          );
        }),
      ),
      { numRuns: 60 },
    );
  });

  it('convolutions by large tiles, and their filter gradient', () => {
    const shapes = fc.record({
      images: fc.integer({ min: 1, max: 3 }),
      height: fc.integer({ min: 3, max: 9 }),
      width: fc.integer({ min: 3, max: 9 }),
      inChannels: fc.constantFrom(16, 24, 32),
      outChannels: fc.constantFrom(16, 24, 40),
      hasBias: fc.boolean(),
    });
    fc.assert(
      fc.property(shapes, ({ images, height, width, inChannels, outChannels, hasBias }) =>
        expectSameBits((kernels) => {
          const sizes = [images, height, width, inChannels] as const;
          kernels.largeTilesFilter(left, inChannels, outChannels, scratch, right);
          const offsets = hasBias ? bias : 0;
          const range = [0, 6] as const;
          kernels.convolveByLargeTiles(
            left,
            ...sizes,
            right,
            outChannels,
            offsets,
            ...range,
            out,
            positions,
          );
          kernels.filterGradientByLargeTiles(left, ...sizes, positions, outChannels, out, scratch);
        }),
      ),
      { numRuns: 30 },
    );
  });
});

/** The shapes that V8 joins are few: a careless change, or another optimizer of WebAssembly, could lose them unnoticed. */
it.runIf(process.arch === 'x64')('V8 joins the vectors of the product kernels', () => {
  const flags =
    '--experimental-wasm-revectorize --trace-wasm-revectorize --no-liftoff --no-wasm-lazy-compilation --single-threaded';
  const file = new URL('../../../shared/kernels/build/training-wide-simd.wasm', import.meta.url);
  const program = `new WebAssembly.Module(fs.readFileSync(new URL('${file}')))`;
  const trace = execFileSync(process.execPath, [...flags.split(' '), '--eval', program], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  const joinedSums = trace
    .split('Begin revec function')
    .map((ofFunction) => ofFunction.split('Decide to vectorize')[1]?.match(/F32x4Qfma/g)?.length);
  // Four rows of two pairs of vectors each.
  expect(joinedSums.filter((count) => count === 8).length).toBeGreaterThanOrEqual(4);
});
