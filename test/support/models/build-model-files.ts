import '@tensorflow/tfjs-backend-cpu';
import { env, io, setBackend, type Tensor, tensor4d } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { buildModel } from '../../../shared/model/build-model.ts';
import { fashionMnistCnn, type ModelSpec } from '../../../shared/model/model-spec.ts';
import { normalizePixels } from '../../../shared/model/predict.ts';

/**
 * Builds the network with seeded weights.
 *
 * @param pixels test images, 784 bytes each
 * @returns its files as TensorFlow.js writes them, and its logits for each image
 */
export async function buildModelFiles(seed: number, pixels: Uint8Array) {
  // Suppresses TensorFlow.js's advice about its Node backend.
  env().set('IS_NODE', false);
  await setBackend('cpu');
  return modelFilesOf(buildModel(fashionMnistCnn, seed), pixels);
}

/** Returns the files and the logits of any model of images of a spec. */
export async function modelFilesOf(
  model: LayersModel,
  pixels: Uint8Array,
  { inputShape, preprocessing }: Pick<ModelSpec, 'inputShape' | 'preprocessing'> = fashionMnistCnn,
) {
  let saved: io.ModelArtifacts | undefined;
  await model.save(
    io.withSaveHandler(async (artifacts) => {
      saved = artifacts;
      return { modelArtifactsInfo: io.getModelArtifactsInfoForJSON(artifacts) };
    }),
  );
  if (!saved?.weightData || !saved.weightSpecs) throw new Error('The model saved no weights.');
  const json = {
    format: saved.format,
    generatedBy: saved.generatedBy,
    convertedBy: null,
    modelTopology: saved.modelTopology,
    weightsManifest: [{ paths: ['weights.bin'], weights: saved.weightSpecs }],
  };
  const [height, width, channels] = inputShape;
  const count = pixels.length / (height * width * channels);
  const images = tensor4d(normalizePixels(pixels, preprocessing), [count, ...inputShape]);
  const logits = (await (model.predict(images) as Tensor).array()) as number[][];
  return {
    json: JSON.stringify(json),
    weights: new Uint8Array(new io.CompositeArrayBuffer(saved.weightData).slice()),
    logits,
  };
}
