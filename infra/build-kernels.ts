import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';
import { stagedChunkSource } from './staged-chunk.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const outFolder = 'shared/kernels/build';

/** The trainer's kernels and the Worker's, which is sent less. */
const modules = ['training', 'inference'] as const;

/**
 * Compiles shared/kernels/assembly to WebAssembly, each module once with relaxed SIMD (fused multiply-add) and once
 * without. The modules import their memory and hold no data of their own, so that they can work in place
 * on another module's heap.
 *
 * @throws {Error} with the compiler's own words
 */
export async function buildKernels(): Promise<void> {
  await mkdir(`${root}${outFolder}`, { recursive: true });
  await writeFile(`${root}${outFolder}/staged-chunk.ts`, stagedChunkSource());
  for (const name of modules) {
    await compile(name, `${name}-simd.wasm`, []);
    await compile(name, `${name}-relaxed-simd.wasm`, ['--enable', 'relaxed-simd']);
  }
}

async function compile(module: string, file: string, features: string[]): Promise<void> {
  const { error, stderr } = await asc.main([
    `shared/kernels/assembly/${module}.ts`,
    ...['--baseDir', root, '--outFile', `${outFolder}/${file}`],
    // -O3 gathers the loads of a straight piece of code at its start, where they don't fit the registers: three times as slow.
    ...['-O2', '--noAssert', '--runtime', 'stub', '--enable', 'simd', ...features],
    // With a page at least, V8 knows that the constant part of an address lies within it and checks only the rest.
    ...['--importMemory', '--noExportMemory', '--initialMemory', '1'],
    // Helpers that take vectors are exported from their file, never from the module.
    ...['--disableWarning', '112'],
  ]);
  if (error) throw new Error(`Compiling ${file} failed.\n${stderr.toString()}`, { cause: error });
}
