import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import {
  type DataType,
  type NamedAttrMap,
  type NamedTensorInfoMap,
  type TensorInfo,
  util,
} from '@tensorflow/tfjs-core';
import type { Address } from '../../shared/kernels/common-kernels.ts';
import { instantiateKernels, type KernelModule } from './wasm-module.ts';

/** Computes a kernel's result, or returns null for a case that it does not cover. */
export type FastKernel = (inputs: NamedTensorInfoMap, attrs: NamedAttrMap) => TensorInfo | null;

/** The part of the Emscripten module that BackendWasm holds but does not declare. */
interface EmscriptenModule {
  asm: { memory: WebAssembly.Memory };
  _malloc(bytes: number): number;
  _free(address: number): void;
}

/** Kernels read up to three floats past the end of a short run; the slack keeps that inside the block. */
const SLACK_BYTES = 16;

/**
 * The memory of TensorFlow.js's wasm backend, in which every tensor has an address. Catwalk's kernels are instantiated on
 * the same memory, so that they read and write tensors in place.
 */
export interface TensorHeap {
  kernels: KernelModule;
  /** Returns the address of the tensor's values. */
  addressOf(tensor: TensorInfo): Address;
  addressesOf<Name extends string>(tensors: Record<Name, TensorInfo>): Record<Name, Address>;
  /** Creates a tensor with undefined values. */
  allocate(shape: number[], dtype?: DataType): TensorInfo;
  /** Creates a tensor that shares the values of another. */
  share(tensor: TensorInfo): TensorInfo;
  /** Sets bytes to 0. */
  clear(from: Address, bytes: number): void;
  /** Runs `use` with scratch blocks of these sizes in bytes, with undefined contents, until it returns. */
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
    if (arena === 0) throw new Error(`The wasm backend can't allocate ${bytes} bytes of scratch.`);
    arenaBytes = bytes;
  }

  const addressOf = ({ dataId }: TensorInfo) => backend.getMemoryOffset(dataId as object) >>> 0;

  return {
    kernels,
    addressOf,
    addressesOf<Name extends string>(tensors: Record<Name, TensorInfo>) {
      const entries = Object.entries<TensorInfo>(tensors);
      return Object.fromEntries(
        entries.map(([name, tensor]) => [name, addressOf(tensor)]),
      ) as Record<Name, Address>;
    },
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

/** Returns the bytes of a float32 tensor of that shape. */
export const floatBytes = (...shape: number[]): number => 4 * util.sizeFromShape(shape);
