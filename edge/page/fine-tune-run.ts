import type { Manifest } from '../../shared/registry/manifest.ts';
import { bytesOfWeight, readWeight } from '../../shared/registry/weight-values.ts';
import { type FineTuned, fineTune } from '../../shared/webgpu/fine-tune.ts';
import { DeviceLostError, GpuMemoryError, openDevice } from '../../shared/webgpu/open-device.ts';
import type { OwnImage } from './fine-tune-images.ts';
import { joinBytes, type LabelledTests, loadLabelledTests } from './labelled-tests.ts';
import type { ToInput } from './network-input.ts';
import { Trouble } from './requests.ts';
import { loadServedFiles, type ServedFiles } from './served-files.ts';

export interface FineTuneRun {
  tuned: FineTuned;
  tests: LabelledTests;
  manifest: Manifest;
  files: ServedFiles;
}

export interface RunOptions {
  manifest: Manifest;
  toInput: ToInput;
  images: readonly OwnImage[];
  steps: number;
  onState(text: string): void;
  onStep(step: number, loss: number): void;
  /** Ends the training early; what it learned until then is kept. */
  stop: AbortSignal;
}

/**
 * Loads the served weights and test images, and trains the weights further on the visitor's images.
 *
 * @throws {Trouble} if the GPU fails, or something does not load
 */
export async function runFineTune(options: RunOptions): Promise<FineTuneRun> {
  const { manifest, images, toInput, stop, onState, onStep, steps } = options;
  onState('Loading the served weights and test images …');
  const excluded = new Set(images.flatMap(({ index }) => (index === null ? [] : [index])));
  const [files, tests] = await Promise.all([
    loadServedFiles(manifest),
    loadLabelledTests(manifest, toInput, excluded, stop),
  ]);
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new Trouble('no_gpu', 'No GPU answers', 'This browser finds none.');
  onState(
    adapter.info.isFallbackAdapter
      ? 'Compiling the kernels. This browser has no GPU and computes on the CPU, which takes minutes …'
      : 'Compiling the kernels for this GPU …',
  );
  try {
    const opened = await openDevice(adapter);
    try {
      const tuned = await fineTune(opened, {
        spec: manifest.model,
        weights: flatWeights(files),
        own: {
          pixels: joinBytes(images.map(({ pixels }) => pixels)),
          labels: Uint8Array.from(images, ({ label }) => label),
        },
        ...tests,
        steps,
        onStep,
        continues: () => !stop.aborted,
      });
      return { tuned, tests, manifest, files };
    } finally {
      opened.close();
    }
  } catch (error) {
    throw explain(error);
  }
}

function flatWeights({ json, weights }: ServedFiles): Float32Array {
  const specs = json.weightsManifest.flatMap((group) => group.weights);
  let offset = 0;
  const parts = specs.map((spec) => {
    const values = readWeight(spec, weights, offset);
    offset += bytesOfWeight(spec);
    return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  });
  return new Float32Array(joinBytes(parts).buffer);
}

function explain(error: unknown): unknown {
  if (error instanceof DeviceLostError) {
    const detail = 'Its driver may have restarted. Your images are still here: try again.';
    return new Trouble('gpu_lost', 'The GPU stopped', detail);
  }
  if (error instanceof GpuMemoryError) {
    const detail = 'Close other tabs and programs that use it, and try again.';
    return new Trouble('gpu_memory', 'The GPU has too little memory', detail);
  }
  if (error instanceof RangeError) {
    const detail = 'The weights are of no use. Check the labels, or use fewer steps.';
    return new Trouble('diverged', 'The training diverged', detail);
  }
  return error;
}
