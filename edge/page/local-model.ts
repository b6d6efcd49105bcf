import * as tf from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import type { OpenDecoder, RasterImage } from '../../shared/image/image.ts';
import { toModelInput } from '../../shared/image/model-input.ts';
import { inputOptionsFor } from '../../shared/model/model-spec.ts';
import { normalizePixels, toPrediction } from '../../shared/model/predict.ts';
import type { Prediction } from '../../shared/model/prediction.ts';
import type { Manifest } from '../../shared/registry/manifest.ts';
import { rasterize } from './element.ts';
import { Trouble, withModel } from './requests.ts';

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
  const { version, model: spec, files } = manifest;
  const load = async (path: string) => {
    const response = await fetch(withModel(`models/${version}/${path}`));
    if (!response.ok) throw new Trouble('no_file', `${path} does not load`, response.statusText);
    const bytes = await response.arrayBuffer();
    await check(path, bytes, files.find((file) => file.path === path)?.sha256);
    return bytes;
  };
  const json = JSON.parse(new TextDecoder().decode(await load('model.json')));
  const groups: { paths: string[]; weights: tf.io.WeightsManifestEntry[] }[] = json.weightsManifest;
  const weights = await Promise.all(groups.flatMap(({ paths }) => paths).map(load));
  const model = await loadLayersModel(
    tf.io.fromMemory({
      modelTopology: json.modelTopology,
      weightSpecs: groups.flatMap((group) => group.weights),
      weightData: await new Blob(weights).arrayBuffer(),
    }),
  );
  const decoder = await loadDecoder();
  const inputOptions = { ...inputOptionsFor(spec), compiledDecoder: async () => decoder };
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
      const { pixels } = await toModelInput(await decode(picture), inputOptions);
      const input = normalizePixels(pixels, spec.preprocessing);
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

/** Browsers provide hashes only over HTTPS and on localhost. */
async function check(path: string, bytes: ArrayBuffer, expected: string | undefined) {
  if (!globalThis.crypto?.subtle) return;
  const hash = await crypto.subtle.digest('SHA-256', bytes);
  const found = Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0'));
  if (found.join('') === expected) return;
  throw new Trouble('bad_file', `${path} is corrupt`, 'Its SHA-256 differs from the manifest’s.');
}

/** Loads what isolates garments. */
async function loadDecoder(): Promise<OpenDecoder> {
  const response = await fetch(new URL('wasm/decoders.wasm', document.baseURI));
  if (!response.ok) {
    throw new Trouble('no_file', 'decoders.wasm does not load', response.statusText);
  }
  const module = await WebAssembly.compile(await response.arrayBuffer());
  return (pages) => {
    const memory = new WebAssembly.Memory({ initial: pages });
    return { memory, exports: new WebAssembly.Instance(module, { env: { memory } }).exports };
  };
}

async function decode(picture: Blob): Promise<RasterImage> {
  const bitmap = await createImageBitmap(picture, { colorSpaceConversion: 'none' });
  const { width, height } = bitmap;
  const { data } = rasterize(bitmap, width, height).getImageData(0, 0, width, height);
  bitmap.close();
  return { width, height, data: new Uint8Array(data.buffer) };
}
