import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import { type DataType, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { Address } from '../../shared/kernels/common-kernels.ts';
import { instantiateKernels, type KernelModule } from './wasm-module.ts';

/** What BackendWasm holds but does not declare: its Emscripten module. */
interface EmscriptenModule {
  asm: { memory: WebAssembly.Memory };
  _malloc(bytes: number): number;
  _free(address: number): void;
}

/** Kernels read past a short run's end by up to three floats; the slack keeps that inside the block. */
const SLACK_BYTES = 16;

/**
 * TensorFlow.js's wasm backend seen as what it is: one heap on which every tensor has an address. Our
 * kernels are instantiated on that same memory, so that they read and write tensors in place.
 */
export interface TensorHeap {
  kernels: KernelModule;
  /** Where the tensor's values stand. */
  addressOf(tensor: TensorInfo): Address;
  /** A new tensor with undefined values. */
  allocate(shape: number[], dtype?: DataType): TensorInfo;
  /** The same values under another tensor's name; nothing is copied. */
  share(tensor: TensorInfo): TensorInfo;
  /** Sets bytes to 0. */
  clear(from: Address, bytes: number): void;
  /**
   * Runs `use` with scratch blocks of these sizes in bytes; what was in them before is undefined. They are
   * taken back when `use` returns.
   */
  withScratch<T>(bytes: number[], use: (...blocks: Address[]) => T): T;
}

export function tensorHeap(backend: BackendWasm): TensorHeap {
  const module = backend.wasm as unknown as EmscriptenModule;
  const kernels = instantiateKernels(module.asm.memory);
  let arena: Address = 0;
  let arenaBytes = 0;

  function reserve(bytes: number): void {
    if (bytes <= arenaBytes) return;
    if (arena !== 0) module._free(arena);
    arena = module._malloc(bytes) >>> 0;
    if (arena === 0) throw new Error(`No memory for ${bytes} bytes of scratch space.`);
    arenaBytes = bytes;
  }

  return {
    kernels,
    addressOf: (tensor) => backend.getMemoryOffset(tensor.dataId as object) >>> 0,
    allocate(shape, dtype = 'float32') {
      return backend.makeOutput(shape, dtype);
    },
    share({ dataId, shape, dtype }) {
      backend.incRef(dataId);
      return { dataId, shape, dtype };
    },
    clear(from, bytes) {
      new Uint8Array(module.asm.memory.buffer, from, bytes).fill(0);
    },
    withScratch(bytes, use) {
      const aligned = bytes.map((size) => (size + SLACK_BYTES + 63) & ~63);
      reserve(aligned.reduce((sum, size) => sum + size, 0));
      let next = arena;
      const blocks = aligned.map((size) => {
        const block = next;
        next += size;
        return block;
      });
      return use(...blocks);
    },
  };
}

/** Bytes of a float32 tensor of that shape. */
export const floatBytes = (...shape: number[]): number => 4 * util.sizeFromShape(shape);
