import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import type { io } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { buildModel } from '../../shared/model/build-model.ts';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import { openBackend } from '../backend/open-backend.ts';

/** The main thread's copy of the network: it draws the first weights and turns weights into a model's files. */
export interface MasterModel {
  /** The first weights, flat, in the order of the model's weights. */
  parameters: Float32Array;
  /** What `model.save` would write with these weights: topology, weight specs and weight data. */
  artifactsOf(parameters: Float32Array): Promise<tf.io.ModelArtifacts>;
}

/** Built on the cpu backend, so that a seed gives the same first weights whatever backend trains. */
export async function openMaster(spec: ModelSpec, seed: number): Promise<MasterModel> {
  await openBackend('cpu');
  const model = buildModel(spec, seed);
  const shapes = model.getWeights().map((weight) => weight.shape);
  const values = model.getWeights().map((weight) => weight.dataSync() as Float32Array);
  const parameters = new Float32Array(values.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const value of values) {
    parameters.set(value, end);
    end += value.length;
  }
  return {
    parameters,
    async artifactsOf(flat) {
      tf.tidy(() => {
        let offset = 0;
        const weights = shapes.map((shape) => {
          const from = offset;
          offset += tf.util.sizeFromShape(shape);
          return tf.tensor(flat.slice(from, offset), shape);
        });
        model.setWeights(weights);
      });
      return saved(model);
    },
  };
}

async function saved(model: ReturnType<typeof buildModel>): Promise<tf.io.ModelArtifacts> {
  let artifacts: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async (written) => {
      artifacts = written;
      return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(written) };
    }),
  );
  if (!artifacts) throw new Error('The model was not saved.');
  return artifacts;
}

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

/** Rounds each number to the nearest one of half precision (IEEE 754 binary16), in place. */
export function roundToHalf(values: Float32Array): void {
  values.set(new Float16Array(values));
}

/**
 * Writes a model's float32 weights in half the bytes, in TensorFlow.js's own format for quantized weights, which every
 * `tf.loadLayersModel` turns into float32 again.
 *
 * @throws {TypeError} where there are no weights
 */
export function halfArtifacts(artifacts: io.ModelArtifacts): io.ModelArtifacts {
  const { weightSpecs, weightData } = artifacts;
  if (!weightSpecs || !weightData) throw new TypeError('The model has no weights.');
  const buffers = Array.isArray(weightData) ? weightData : [weightData];
  // Copied: a small Buffer lies in a larger one, which its `buffer` is.
  const bytes = new Uint8Array(Buffer.concat(buffers.map((part) => new Uint8Array(part))));
  const values = new Float32Array(bytes.buffer);
  return {
    ...artifacts,
    weightData: new Float16Array(values).buffer,
    weightSpecs: weightSpecs.map((spec) => ({
      ...spec,
      quantization: { dtype: 'float16' },
    })),
  };
}
