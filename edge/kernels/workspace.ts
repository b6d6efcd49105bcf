import relaxedSimd from '../../shared/kernels/build/inference-relaxed-simd.wasm';
import simd from '../../shared/kernels/build/inference-simd.wasm';
import type { Address, CommonKernels } from '../../shared/kernels/common-kernels.ts';

const pageBytes = 65_536;
/** Kernels read past a short row's end by up to three floats. */
const slackBytes = 16;

/**
 * The kernels with a memory of their own: what is kept (packed weights) at the bottom, and above it what one kernel
 * call needs. One a model, so that a model that is dropped takes its memory with it.
 */
export interface Workspace {
  readonly kernels: KernelModule;
  /** Room that stays. */
  keep(bytes: number): Address;
  /**
   * Runs `use` with blocks of these sizes in bytes, undefined at first, that are taken back when it returns.
   */
  withBlocks<T>(bytes: readonly number[], use: (...blocks: Address[]) => T): T;
  write(values: Float32Array, to: Address): void;
  /** A copy of the numbers there. */
  read(from: Address, length: number): Float32Array;
}

/** @throws {WebAssembly.CompileError} where the runtime has no SIMD */
export function createWorkspace(): Workspace {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const kernels = instantiateKernels(memory);
  let kept: Address = align(kernels.reservedBytes());

  function reserve(end: number): void {
    const missing = end + slackBytes - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / pageBytes));
  }

  function keep(bytes: number): Address {
    const address = kept;
    kept = align(kept + bytes);
    reserve(kept);
    return address;
  }

  function write(values: Float32Array, to: Address): void {
    new Float32Array(memory.buffer, to, values.length).set(values);
  }

  return {
    kernels,
    keep,
    withBlocks(bytes, use) {
      let next = kept;
      const blocks = bytes.map((size) => {
        const block = next;
        next = align(next + size + slackBytes);
        return block;
      });
      reserve(next);
      return use(...blocks);
    },
    write,
    read: (from, length) => new Float32Array(memory.buffer, from, length).slice(),
  };
}

const align = (address: number) => (address + 63) & ~63;

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
