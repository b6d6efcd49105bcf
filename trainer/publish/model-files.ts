import type { io } from '@tensorflow/tfjs-core';
import { version_layers } from '@tensorflow/tfjs-layers';
import { toJsonBytes } from './read-json.ts';

/**
 * Turns a saved layers model into the two files that any TensorFlow.js program loads with `tf.loadLayersModel(url)`.
 *
 * @param artifacts what `model.save(tf.io.withSaveHandler(…))` hands over
 * @throws {TypeError} where topology or weights are missing
 */
export function modelFiles(artifacts: io.ModelArtifacts) {
  const { modelTopology, weightSpecs, weightData } = artifacts;
  if (!modelTopology || !weightSpecs || !weightData) {
    throw new TypeError('The artifacts of a model need its topology, weight specs and weights.');
  }
  const buffers = Array.isArray(weightData) ? weightData : [weightData];
  return {
    'weights.bin': new Uint8Array(Buffer.concat(buffers.map((buffer) => new Uint8Array(buffer)))),
    'model.json': toJsonBytes({
      format: 'layers-model',
      generatedBy: `TensorFlow.js tfjs-layers v${version_layers}`,
      convertedBy: null,
      modelTopology,
      weightsManifest: [{ paths: ['weights.bin'], weights: weightSpecs }],
    }),
  };
}
