import '@tensorflow/tfjs-backend-cpu';
import { io, setBackend } from '@tensorflow/tfjs-core';
import { buildModel } from '../../shared/build-model.ts';
import { fashionMnistCnn } from '../../shared/model-spec.ts';

/** The files of a layers model as TensorFlow.js writes them, with the weights that the seed gives. */
export async function buildModelFiles(seed: number) {
  await setBackend('cpu');
  const model = buildModel(fashionMnistCnn, seed);
  let saved: io.ModelArtifacts | undefined;
  await model.save(
    io.withSaveHandler(async (artifacts) => {
      saved = artifacts;
      return { modelArtifactsInfo: io.getModelArtifactsInfoForJSON(artifacts) };
    }),
  );
  model.dispose();
  if (!saved?.weightData || !saved.weightSpecs) throw new Error('The model saved no weights.');
  const json = {
    format: saved.format,
    generatedBy: saved.generatedBy,
    convertedBy: null,
    modelTopology: saved.modelTopology,
    weightsManifest: [{ paths: ['weights.bin'], weights: saved.weightSpecs }],
  };
  return {
    json: JSON.stringify(json),
    weights: new Uint8Array(new io.CompositeArrayBuffer(saved.weightData).slice()),
  };
}
