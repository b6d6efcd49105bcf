import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import { modelJsonSchema } from '../../shared/registry/manifest.ts';
import type { LayerTensor } from './tensor.ts';

/**
 * Reads kernel and bias of each layer that has them, in order, on TensorFlow.js's current backend. TensorFlow.js matches
 * the weights with the layers by name and shape, and converts quantized ones to float32.
 *
 * @param files model.json and the files of weights that it names
 * @throws {Error} if they are not a model, or do not match the spec
 */
export async function readModelWeights(
  spec: ModelSpec,
  files: Record<string, Uint8Array>,
): Promise<LayerTensor[]> {
  const fileOf = (path: string) => {
    const bytes = files[path];
    if (bytes) return bytes;
    throw new Error(`${path} is missing.`);
  };
  const text = new TextDecoder().decode(fileOf('model.json'));
  const { modelTopology, weightsManifest } = modelJsonSchema.parse(JSON.parse(text));
  const weightData = Buffer.concat(weightsManifest.flatMap(({ paths }) => paths.map(fileOf)));
  const model = await loadLayersModel(
    tf.io.fromMemory({
      modelTopology,
      weightSpecs: weightsManifest.flatMap(({ weights }) => weights) as never,
      weightData: new Uint8Array(weightData).buffer,
    }),
  );
  try {
    const [input, output] = [model.inputs[0]?.shape, model.outputs[0]?.shape];
    const [expectedInput, expectedOutput] = [spec.inputShape, [spec.labels.length]];
    if (
      String(input?.slice(1)) !== String(expectedInput) ||
      String(output?.slice(1)) !== String(expectedOutput)
    ) {
      throw new Error(
        `it maps [${input}] to [${output}], but its spec maps [,${expectedInput}] to [,${expectedOutput}].`,
      );
    }
    return await Promise.all(
      model.trainableWeights.map(async (weight) => {
        const tensor = weight.read();
        return { shape: tensor.shape, values: await tensor.data<'float32'>() };
      }),
    );
  } finally {
    model.dispose();
  }
}
