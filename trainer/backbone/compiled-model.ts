/** The compiler of shared/model/compile in Node: one thread computes one image at a time, faster than any TensorFlow.js backend. */
import * as tf from '@tensorflow/tfjs-core';
import type { InferenceKernels } from '../../shared/kernels/inference-kernels.ts';
import type { LayerKernels } from '../../shared/kernels/layer-kernels.ts';
import { createWorkspace } from '../../shared/kernels/workspace.ts';
import { buildModel } from '../../shared/model/build-model.ts';
import { compileModel } from '../../shared/model/compile/compile-model.ts';
import type { Machine } from '../../shared/model/compile/machine.ts';
import type { FoldedSpec } from '../../shared/model/training-spec.ts';
import { readBuild } from '../backend/wasm-module.ts';
import type { LayerTensor } from '../weights/tensor.ts';

/**
 * Computes a network's output for one image.
 *
 * @param input [height, width, channels], as the network takes it
 * @param output overwritten
 */
export type CompiledModel = (input: Float32Array, output: Float32Array) => void;

/** Opens the compiled kernels on a memory of their own: those with fused multiply-add if this runtime has relaxed SIMD. */
function openMachine(): Machine {
  const isRelaxed = WebAssembly.validate(readBuild('inference-relaxed-simd.wasm'));
  const simd = isRelaxed ? 'relaxed-simd' : 'simd';
  const memory = new WebAssembly.Memory({ initial: 1 });
  const load = (name: string): unknown => {
    const module = new WebAssembly.Module(readBuild(`${name}-${simd}.wasm`));
    return new WebAssembly.Instance(module, { env: { memory } }).exports;
  };
  return {
    workspace: createWorkspace(memory, load('inference') as InferenceKernels),
    layers: load('layers') as LayerKernels,
  };
}

/**
 * Compiles a network, or a part of one. TensorFlow.js's current backend must be cpu.
 *
 * @param weights kernel and bias of each layer that has them, in order
 * @throws {Error} if the compiler does not know one of its layers
 */
export function openCompiledModel(
  spec: FoldedSpec,
  weights: readonly LayerTensor[],
): CompiledModel {
  const model = buildModel(spec, 0);
  tf.tidy(() =>
    model.setWeights(weights.map(({ shape, values }) => tf.tensor(values, [...shape], 'float32'))),
  );
  const plan = compileModel(model, openMachine);
  model.dispose();
  const [step, ...others] = plan?.steps ?? [];
  if (step?.kind !== 'segment' || others.length > 0) {
    throw new Error(`The compiler does not know a layer of ${spec.name}.`);
  }
  return (input, output) => step.segment.run([input], [output]);
}
