import type { Address } from './common-kernels.ts';
import type { InferenceKernels } from './inference-kernels.ts';

const pageBytes = 65_536;
/** To grow for each block of a model's weights took longer than to pack them. */
const leastPages = 16;
/** Kernels read up to three floats past the end of a short row. */
const slackBytes = 16;

/** A WebAssembly.Memory. */
export interface LinearMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/**
 * The kernels with a memory of their own. Kept blocks (packed weights) are at the bottom, the blocks of the
 * current kernel call above them. Each model has one workspace, so its memory is freed with the model.
 */
export interface Workspace {
  readonly kernels: InferenceKernels;
  /** The memory's content now. Growing the memory detaches it. */
  numbers(): Float32Array;
  /** Allocates a block that is never freed. */
  keep(bytes: number): Address;
  /** Runs `use` with uninitialized blocks of these sizes in bytes, and frees them when it returns. */
  withBlocks<T>(bytes: readonly number[], use: (...blocks: Address[]) => T): T;
  write(values: Float32Array, to: Address): void;
  /** @returns a copy */
  read(from: Address, length: number): Float32Array;
}

/** @param kernels instantiated on the memory */
export function createWorkspace(memory: LinearMemory, kernels: InferenceKernels): Workspace {
  let kept: Address = align(kernels.reservedBytes());

  function reserve(end: number): void {
    const missing = end + slackBytes - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.max(leastPages, Math.ceil(missing / pageBytes)));
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
    numbers: () => new Float32Array(memory.buffer),
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
