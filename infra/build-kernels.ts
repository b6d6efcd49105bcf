import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';
import { stagedChunkSource } from './staged-chunk.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
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
 * without, and the optimizer. The modules import their memory and hold no data of their own, so that they can work in place
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
