import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { buildModel } from '../../../shared/model/build-model.ts';
import { fashionMnistCnn } from '../../../shared/model/model-spec.ts';
import type { Metrics, Training } from '../../../shared/registry/manifest.ts';
import { knownDatasets } from '../../../trainer/data/known-datasets.ts';
import { modelFiles, type VersionToPublish } from '../../../trainer/registry/publish-version.ts';

/** The training record of the tests' models. */
export const trainingOfTests: Training = {
  recipe: 'tutorial',
  epoch: 1,
  epochs: 5,
  batchSize: 64,
  optimizer: 'adam',
  learningRate: 0.001,
  seed: 1,
  seconds: 100,
  imagesPerSecond: 600,
  backend: 'cpu',
  device: 'CPU',
  threads: 1,
  packages: { node: process.versions.node },
  git: null,
};

/** @param accuracy 0..1, in steps of 0.01 */
function metricsOf(accuracy: number): Metrics {
  const correct = Math.round(accuracy * 100);
  return {
    accuracy,
    loss: 0.3,
    perClass: [],
    confusion: [
      [correct, 100 - correct],
      [0, 0],
    ],
  };
}

export interface TrainedModel extends VersionToPublish {
  model: ReturnType<typeof buildModel>;
  artifacts: tf.io.ModelArtifacts;
}

/** The shared CNN with the weights of a seed, as a trainer publishes it. */
export async function trainedModel(seed: number, accuracy: number): Promise<TrainedModel> {
  await tf.setBackend('cpu');
  const model = buildModel(fashionMnistCnn, seed);
  let artifacts: tf.io.ModelArtifacts = {};
  await model.save(
    tf.io.withSaveHandler(async (saved) => {
      artifacts = saved;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  const { name, files } = knownDatasets['fashion-mnist'];
  const hashes = Object.values(files).map((file) => [file.name, file.sha256]);
  return {
    model,
    spec: fashionMnistCnn,
    artifacts,
    files: modelFiles(artifacts),
    metrics: metricsOf(accuracy),
    training: { ...trainingOfTests, seed },
    dataset: { name, files: Object.fromEntries(hashes) },
  };
}
