import relaxedSimd from '../../shared/kernels/build/inference-relaxed-simd.wasm';
import simd from '../../shared/kernels/build/inference-simd.wasm';
import type { Address, CommonKernels } from '../../shared/kernels/common-kernels.ts';

/** The functions of shared/kernels/assembly/inference.ts, whose docstrings say what each does. */
export interface KernelModule extends CommonKernels {
  reservedBytes(): number;
  denseBytes(depth: number, columns: number): number;
  packDense(weights: Address, rows: number, depth: number, columns: number, target: Address): void;
  denseRows(
    x: Address,
    rows: number,
    depth: number,
    weights: Address,
    columns: number,
    bias: Address,
    relu: number,
    scratch: Address,
    out: Address,
  ): void;
}

/**
 * Instantiates the kernels on a memory: the build with fused multiply-add where this runtime has relaxed SIMD, else the plain
 * SIMD one.
 *
 * @throws {WebAssembly.CompileError} where the runtime has no SIMD at all
 */
export function instantiateKernels(memory: WebAssembly.Memory): KernelModule {
  const imports = { env: { memory } };
  try {
    return exportsOf(new WebAssembly.Instance(relaxedSimd, imports));
  } catch {
    return exportsOf(new WebAssembly.Instance(simd, imports));
  }
}

const exportsOf = (instance: WebAssembly.Instance) => instance.exports as unknown as KernelModule;
