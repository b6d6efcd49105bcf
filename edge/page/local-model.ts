import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { normalizePixels, toPrediction } from '../../shared/model/predict.ts';
import type { Prediction } from '../../shared/model/prediction.ts';
import type { Manifest } from '../../shared/registry/manifest.ts';
import { openNetworkInput } from './network-input.ts';
import { Trouble } from './requests.ts';
import { loadServedFiles } from './served-files.ts';

/** The published model, run in this browser. */
export interface LocalModel {
  backend: string;
  /** @returns the prediction, and the time of the forward pass including the read of the logits */
  predict(picture: Blob): Promise<{ prediction: Prediction; milliseconds: number }>;
  dispose(): void;
}

const backends: Record<string, () => Promise<boolean>> = {
  async webgpu() {
    if (!('gpu' in navigator)) return false;
    await import('@tensorflow/tfjs-backend-webgpu');
    return tf.setBackend('webgpu');
  },
  async webgl() {
    await import('@tensorflow/tfjs-backend-webgl');
    return tf.setBackend('webgl');
  },
  async wasm() {
    const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
    setWasmPaths(new URL('wasm/', document.baseURI).href);
    return tf.setBackend('wasm');
  },
  async cpu() {
    await import('@tensorflow/tfjs-backend-cpu');
    return tf.setBackend('cpu');
  },
};

/** wasm is first: for one small image, starting work on a GPU takes longer than the work. */
const order = ['wasm', 'webgl', 'webgpu', 'cpu'];

/**
 * Loads the version's files from the Worker, checks them against the manifest, and runs one prediction, which compiles
 * everything that is compiled on first use.
 *
 * @param choice a backend, or '' for the first one that starts
 */
export async function openLocalModel(manifest: Manifest, choice: string): Promise<LocalModel> {
  const backend = await start(choice === '' ? order : [choice]);
  const { model: spec } = manifest;
  const { json, weights } = await loadServedFiles(manifest);
  const model = await loadLayersModel(
    tf.io.fromMemory({
      modelTopology: json.modelTopology,
      weightSpecs: json.weightsManifest.flatMap((group) => group.weights) as never,
      weightData: weights,
    }),
  );
  const toInput = await openNetworkInput(spec);
  const [height, width, channels] = spec.inputShape;

  async function run(input: Float32Array): Promise<Float32Array> {
    const logits = tf.tidy(
      () => model.predict(tf.tensor4d(input, [1, height, width, channels])) as tf.Tensor,
    ); // [1, 28, 28, 1] -> [1, 10]
    const values = await logits.data<'float32'>();
    logits.dispose();
    return values;
  }

  await run(new Float32Array(height * width * channels));
  return {
    backend,
    async predict(picture) {
      const input = normalizePixels(await toInput(picture), spec.preprocessing);
      const begin = performance.now();
      const logits = await run(input);
      const milliseconds = performance.now() - begin;
      return { prediction: toPrediction(logits, spec.labels), milliseconds };
    },
    dispose: () => void model.dispose(),
  };
}

async function start(names: string[]): Promise<string> {
  const reasons: string[] = [];
  for (const name of names) {
    try {
      if (await backends[name]?.()) {
        await tf.ready();
        return name;
      }
      reasons.push(`${name} is not available`);
    } catch (error) {
      reasons.push(`${name}: ${(error as Error).message}`);
    }
  }
  throw new Trouble('no_backend', 'TensorFlow.js does not start', reasons.join('; '));
}
