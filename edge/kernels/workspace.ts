import relaxedSimd from '../../shared/kernels/build/inference-relaxed-simd.wasm';
import simd from '../../shared/kernels/build/inference-simd.wasm';
import type { Address, CommonKernels } from '../../shared/kernels/common-kernels.ts';

const pageBytes = 65_536;
/** Kernels read up to three floats past the end of a short row. */
const slackBytes = 16;

/**
 * The kernels with a memory of their own. Kept blocks (packed weights) are at the bottom, the blocks of the
 * current kernel call above them. Each model has one workspace, so its memory is freed with the model.
 */
export interface Workspace {
  readonly kernels: KernelModule;
  /** Allocates a block that is never freed. */
  keep(bytes: number): Address;
  /** Runs `use` with uninitialized blocks of these sizes in bytes, and frees them when it returns. */
  withBlocks<T>(bytes: readonly number[], use: (...blocks: Address[]) => T): T;
  write(values: Float32Array, to: Address): void;
  /** @returns a copy */
  read(from: Address, length: number): Float32Array;
}

/** @throws {WebAssembly.CompileError} if the runtime does not support SIMD */
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

/** The functions of shared/kernels/assembly/inference.ts, which documents them. */
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
 * Instantiates the kernels on a memory. Uses fused multiply-add if the runtime supports relaxed SIMD, otherwise
 * plain SIMD.
 *
 * @throws {WebAssembly.CompileError} if the runtime does not support SIMD
 */
function instantiateKernels(memory: WebAssembly.Memory): KernelModule {
  const imports = { env: { memory } };
  try {
    return exportsOf(new WebAssembly.Instance(relaxedSimd, imports));
  } catch {
    return exportsOf(new WebAssembly.Instance(simd, imports));
  }
}

const exportsOf = (instance: WebAssembly.Instance) => instance.exports as unknown as KernelModule;
