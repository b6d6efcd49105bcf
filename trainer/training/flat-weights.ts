import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';

/** Copies tensors, one after the other, into one flat vector. */
export function gatherValues(tensors: readonly tf.Tensor[], flat: Float32Array): void {
  let offset = 0;
  for (const tensor of tensors) {
    flat.set(heapView(tensor) ?? tensor.dataSync<'float32'>(), offset);
    offset += tensor.size;
  }
}

/** Copies a flat vector into variables, one after the other. */
export function scatterValues(flat: Float32Array, variables: readonly tf.Variable[]): void {
  let offset = 0;
  for (const variable of variables) {
    const values = flat.subarray(offset, offset + variable.size);
    const view = heapView(variable);
    if (view) view.set(values);
    else tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
    offset += variable.size;
  }
}

/** A float32 tensor's own memory on the wasm backend, where reading and writing it need no copy in between. */
function heapView(tensor: tf.Tensor): Float32Array | null {
  if (tf.getBackend() !== 'wasm') return null;
  return (tf.backend() as BackendWasm).typedArrayFromHeap(tensor) as Float32Array;
}
