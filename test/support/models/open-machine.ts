import { readFileSync } from 'node:fs';
import type { InferenceKernels } from '../../../shared/kernels/inference-kernels.ts';
import type { LayerKernels } from '../../../shared/kernels/layer-kernels.ts';
import { createWorkspace, type Workspace } from '../../../shared/kernels/workspace.ts';

/** The compiled kernels in Node, with a memory of their own. */
export function openMachine(simd: 'relaxed-simd' | 'simd'): {
  workspace: Workspace;
  layers: LayerKernels;
} {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const load = (name: string): unknown => {
    const file = new URL(`../../../shared/kernels/build/${name}-${simd}.wasm`, import.meta.url);
    const module = new WebAssembly.Module(readFileSync(file));
    return new WebAssembly.Instance(module, { env: { memory } }).exports;
  };
  return {
    workspace: createWorkspace(memory, load('inference') as InferenceKernels),
    layers: load('layers') as LayerKernels,
  };
}
