import * as tf from '@tensorflow/tfjs-core';
import { buildModel } from '../../shared/build-model.ts';
import type { ModelSpec } from '../../shared/model-spec.ts';
import { openBackend } from '../backends/open-backend.ts';

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
