import * as tf from '@tensorflow/tfjs-core';
import { buildModel } from '../../shared/model/build-model.ts';
import type { FoldedSpec } from '../../shared/model/training-spec.ts';
import { openBackend } from '../backend/open-backend.ts';
import { flattenTensors } from './forward.ts';

/** The main thread's copy of the published network, which draws the initial weights and saves weights as a model. */
export interface MasterModel {
  /** The initial weights, flat, in the order of the model's weights. */
  parameters: Float32Array;
  /** Returns what `model.save` writes with these weights: topology, weight specs and weight data. */
  artifactsOf(parameters: Float32Array): Promise<tf.io.ModelArtifacts>;
}

/** Opens the model on the cpu backend, so that a seed draws the same initial weights whichever backend trains. */
export async function openMaster(spec: FoldedSpec, seed: number): Promise<MasterModel> {
  await openBackend('cpu');
  const model = buildModel(spec, seed);
  const weights = model.getWeights();
  const shapes = weights.map(({ shape }) => shape);
  const parameters = new Float32Array(model.countParams());
  flattenTensors(weights, parameters);
  return {
    parameters,
    async artifactsOf(flat) {
      tf.tidy(() => {
        let offset = 0;
        const tensors = shapes.map((shape) => {
          const from = offset;
          offset += tf.util.sizeFromShape(shape);
          return tf.tensor(flat.slice(from, offset), shape);
        });
        model.setWeights(tensors);
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
