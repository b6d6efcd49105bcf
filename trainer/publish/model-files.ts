import type { io } from '@tensorflow/tfjs-core';
import { version_layers } from '@tensorflow/tfjs-layers';
import { toJsonBytes } from './read-json.ts';

/** The two files of a model that any TensorFlow.js program loads with `tf.loadLayersModel(url)`. */
export type ModelFiles = Record<'weights.bin' | 'model.json', Uint8Array>;

/**
 * Turns a saved layers model into its files.
 *
 * @param artifacts what `model.save(tf.io.withSaveHandler(…))` hands over
 * @throws {TypeError} where topology or weights are missing
 */
export function modelFiles(artifacts: io.ModelArtifacts): ModelFiles {
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
