import '@tensorflow/tfjs-backend-cpu';
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { buildModel } from '../../../shared/model/build-model.ts';
import { fashionMnistCnn, type ModelSpec } from '../../../shared/model/model-spec.ts';
import { modelFiles, type VersionToPublish } from '../../../trainer/registry/publish-version.ts';
import { trainingOfTests } from './trained-model.ts';

/** One dense layer with 31 kB of weights: the same files and requests as the large network, in less time. */
const spec: ModelSpec = {
  ...fashionMnistCnn,
  layers: [{ type: 'flatten' }, { type: 'dense', units: 10, activation: 'linear' }],
};

export type SmallModel = Omit<VersionToPublish, 'signingKey' | 'now'>;

/** @returns a function that makes models of a given accuracy, which differ in one weight */
export async function smallModels(): Promise<(accuracy: number) => SmallModel> {
  await tf.setBackend('cpu');
  let artifacts: tf.io.ModelArtifacts = {};
  const model = buildModel(spec, 1);
  await model.save(
    tf.io.withSaveHandler(async (saved) => {
      artifacts = saved;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  model.dispose();
  const files = modelFiles(artifacts);
  let made = 0;
  return (accuracy) => {
    const weights = files['weights.bin'].slice();
    new DataView(weights.buffer).setFloat32(0, ++made, true);
    return {
      spec,
      files: { ...files, 'weights.bin': weights },
      metrics: { accuracy, loss: 1, perClass: [], confusion: [] },
      training: trainingOfTests,
      dataset: { name: 'fashion-mnist', files: { 'a.gz': 'a'.repeat(64) } },
    };
  };
}

/** Writes a model as the folder of a run, for `catwalk publish`. */
export async function writeRun(folder: string, model: SmallModel): Promise<void> {
  const { spec, files, metrics, dataset, training } = model;
  const { epoch, seconds, imagesPerSecond, ...config } = training;
  const weightsSha256 = createHash('sha256').update(files['weights.bin']).digest('hex');
  const line = { epoch, seconds, imagesPerSecond, ...metrics, weightsSha256 };
  await mkdir(join(folder, 'model'), { recursive: true });
  await writeFile(join(folder, 'config.json'), JSON.stringify({ ...config, spec, dataset }));
  await writeFile(join(folder, 'metrics.jsonl'), `${JSON.stringify(line)}\n`);
  for (const [file, bytes] of Object.entries(files)) {
    await writeFile(join(folder, 'model', file), bytes);
  }
}
