import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = fileURLToPath(new URL('../..', import.meta.url));
const outFolder = 'shared/kernels/build';

/**
 * The trainer's kernels and the Worker's, which is sent less. Above -O2, Binaryen gathers the loads of a straight piece of code at its
 * start: multiplyChunk's don't fit the registers and it takes three times as long.
 */
const modules = [
  { name: 'training', optimize: '-O3' },
  { name: 'inference', optimize: '-O2' },
];

/**
 * Compiles shared/kernels/assembly to WebAssembly: the kernels once with relaxed SIMD (fused multiply-add) and once
 * without, the optimizer, and the JPEG decoder. The modules import their memory and hold no data of their own, so that they can work in place
 * on another module's heap.
 *
 * @throws {Error} with the compiler's own words
 */
export async function buildKernels(): Promise<void> {
  await mkdir(`${root}${outFolder}`, { recursive: true });
  await writeFile(`${root}${outFolder}/staged-chunk.ts`, stagedChunkSource());
  for (const { name, optimize } of modules) {
    await compile(name, `${name}-simd.wasm`, [optimize]);
    await compile(name, `${name}-relaxed-simd.wasm`, [optimize, '--enable', 'relaxed-simd']);
  }
  // On memory that the training threads share. A maximum must be named; this is what 32 bits can address.
  const shared = ['--enable', 'threads', '--sharedMemory', '--maximumMemory', '65536'];
  await compile('optimizer', 'optimizer.wasm', ['-O3', ...shared]);
  await compile('jpeg', 'jpeg.wasm', ['-O3']);
}

async function compile(module: string, file: string, options: string[]): Promise<void> {
  const { error, stderr } = await asc.main([
    `shared/kernels/assembly/${module}.ts`,
    ...['--baseDir', root, '--outFile', `${outFolder}/${file}`],
    ...['--noAssert', '--runtime', 'stub', '--enable', 'simd', ...options],
    // With a page at least, V8 knows that the constant part of an address lies within it and checks only the rest.
    ...['--importMemory', '--noExportMemory', '--initialMemory', '1'],
    // Helpers that take vectors are exported from their file, never from the module.
    ...['--disableWarning', '112'],
  ]);
  if (error) throw new Error(`Compiling ${file} failed.\n${stderr.toString()}`, { cause: error });
}

/** What a chunk of a staged product takes of its depth. 8 and 16 took some 5 % longer: sums are loaded and stored once a chunk. */
const chunkDepth = 32;
/** Below, 0 means "no bias" to the kernels. */
const stage = 64;

/**
 * The AssemblyScript source of the one loop that has to be written out: V8 checks an access to memory against the memory's size
 * in each pass where it has no guard pages, as in workerd, but never one whose address is a constant. So the four rows
 * of a tile are staged at constant addresses, and only the weights' two loads a value of depth are checked instead of six.
 */
export function stagedChunkSource(): string {
  return `// Written by infra/staged-chunk.ts.
import { multiplyAdd } from '../assembly/vector';

/** The depth of a chunk. */
export const CHUNK_DEPTH: i32 = ${chunkDepth};
/** Where a tile's rows stand: four, one after the other, each of CHUNK_DEPTH floats. */
export const STAGE: usize = ${stage};

/**
 * out[row, column] (+)= Σ staged[row, k] * panel[k, column] over 4 rows and 8 columns
 *
 * @param add 1: to what is there
 * @param rowBytes from one row of out to the next
 */
// @ts-ignore: decorator
@inline
export function multiplyChunk(panel: usize, out: usize, rowBytes: usize, add: i32): void {
  const out1 = out + rowBytes;
  const out2 = out1 + rowBytes;
  const out3 = out2 + rowBytes;
${tile((row) => [`let low${row} = f32x4.splat(0);`, `let high${row} = f32x4.splat(0);`])}
  if (add) {
${tile((row) => [`low${row} = v128.load(out${row || ''});`, `high${row} = v128.load(out${row || ''}, 16);`])}
  }
  let low: v128, high: v128, value: v128;
${Array.from({ length: chunkDepth }, (_, k) => step(k)).join('\n')}
${tile((row) => [`v128.store(out${row || ''}, low${row});`, `v128.store(out${row || ''}, high${row}, 16);`])}
}
`;
}

const tile = (lines: (row: number) => string[]) =>
  [0, 1, 2, 3].flatMap((row) => lines(row).map((line) => `  ${line}`)).join('\n');

const step = (k: number) => `  low = v128.load(panel, ${32 * k});
  high = v128.load(panel, ${32 * k + 16});
${tile((row) => [
  `value = v128.load_splat<f32>(STAGE, ${4 * (row * chunkDepth + k)});`,
  `low${row} = multiplyAdd(value, low, low${row});`,
  `high${row} = multiplyAdd(value, high, high${row});`,
])}`;
