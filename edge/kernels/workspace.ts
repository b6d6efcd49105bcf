import relaxedSimd from '../../shared/kernels/build/inference-relaxed-simd.wasm';
import simd from '../../shared/kernels/build/inference-simd.wasm';
import layersRelaxedSimd from '../../shared/kernels/build/layers-relaxed-simd.wasm';
import layersSimd from '../../shared/kernels/build/layers-simd.wasm';
import type { InferenceKernels } from '../../shared/kernels/inference-kernels.ts';
import type { LayerKernels } from '../../shared/kernels/layer-kernels.ts';
import { createWorkspace, type Workspace } from '../../shared/kernels/workspace.ts';

/** @throws {WebAssembly.CompileError} if the runtime does not support SIMD */
export const openWorkspace = (): Workspace => openOn(new WebAssembly.Memory({ initial: 1 }));

/**
 * Opens a workspace with the kernels of further layers, which share its memory.
 *
 * @throws {WebAssembly.CompileError} if the runtime does not support SIMD
 */
export function openLayerWorkspace(): { workspace: Workspace; layers: LayerKernels } {
  const memory = new WebAssembly.Memory({ initial: 1 });
  return {
    workspace: openOn(memory),
    layers: instantiate(memory, layersRelaxedSimd, layersSimd) as LayerKernels,
  };
}

const openOn = (memory: WebAssembly.Memory) =>
  createWorkspace(memory, instantiate(memory, relaxedSimd, simd) as InferenceKernels);

/** Uses fused multiply-add if the runtime supports relaxed SIMD, otherwise plain SIMD. */
function instantiate(
  memory: WebAssembly.Memory,
  relaxed: WebAssembly.Module,
  plain: WebAssembly.Module,
): unknown {
  const imports = { env: { memory } };
  try {
    return new WebAssembly.Instance(relaxed, imports).exports;
  } catch {
    return new WebAssembly.Instance(plain, imports).exports;
  }
}
