import { cpus } from 'node:os';
import * as tf from '@tensorflow/tfjs-core';
import { UnsupportedError } from '../../shared/webgpu/network-plan.ts';
import {
  type BackendChoice,
  type BackendName,
  backendNames,
  canUseCpu,
  canUseGpu,
  type DeviceChoice,
  type OpenBackend,
  type OpenBackendOptions,
  type SkippedBackend,
} from './backend.ts';
import { registerComposedNormalization } from './batch-normalization.ts';
import { registerFusedGradients } from './fused-operations.ts';
import { isNotSetUp } from './native-setup.ts';

/** Finishes a backend that TensorFlow.js now uses; returns the name of its GPU, or null if it uses none. */
export type FinishBackend = () => Promise<string | null>;

/** Register a backend with TensorFlow.js. Their modules are large, so only the one that is used loads. */
const loaders: Record<
  Exclude<BackendName, 'webgpu'>,
  (options: OpenBackendOptions) => Promise<FinishBackend>
> = {
  async wasm() {
    const { BackendWasm } = await import('@tensorflow/tfjs-backend-wasm');
    const { registerTrainingKernels } = await import('./wasm-kernels.ts');
    return async () => {
      const backend = tf.backend();
      if (!(backend instanceof BackendWasm)) throw new Error('Another backend is called wasm.');
      registerTrainingKernels(backend);
      return null;
    };
  },
  async tensorflow(options) {
    const { loadTensorflow } = await import('./open-tensorflow.ts');
    return loadTensorflow(options);
  },
  async cpu() {
    await import('@tensorflow/tfjs-backend-cpu');
    return async () => null;
  },
};

/**
 * Makes a backend TensorFlow.js's current one in this thread, ready to train.
 *
 * @throws {NotSetUpError} if it is tensorflow, and TensorFlow is not set up
 * @throws {Error} if the backend or the device is not available, with the reason
 */
export async function openBackend(
  name: BackendName,
  options: OpenBackendOptions = {},
): Promise<OpenBackend> {
  if (options.device === 'gpu' && !canUseGpu(name)) throw new Error('it can use only the CPU.');
  tf.enableProdMode(); // Otherwise TensorFlow.js advertises its native backend at every start.
  registerFusedGradients();
  if (name === 'webgpu') return openWebgpu(options);
  const finish = await loaders[name](options);
  await activate(name);
  const gpu = await finish();
  registerComposedNormalization(name);
  const cpu = () => cpus()[0]?.model.trim() ?? 'CPU';
  return { name, device: gpu ? { kind: 'GPU', name: gpu } : { kind: 'CPU', name: cpu() } };
}

/** webgpu has kernels of its own. TensorFlow.js computes the rest, such as reading weights, on the CPU. */
async function openWebgpu({ device }: OpenBackendOptions): Promise<OpenBackend> {
  const { openAdapter } = await import('./webgpu/open-adapter.ts');
  const opened = await openAdapter(device);
  await loaders.cpu({});
  await activate('cpu');
  return { name: 'webgpu', device: opened.device, warning: opened.warning };
}

async function activate(name: BackendName): Promise<void> {
  const loaded = await tf.setBackend(name).catch((error: unknown) => {
    throw error instanceof Error ? error : new Error(JSON.stringify(error));
  });
  if (!loaded) throw new Error('TensorFlow.js could not initialize it.');
}

/**
 * Opens the requested backend or, for 'auto', the fastest that opens: first those that can use a GPU, then all on the CPU.
 * If a GPU is requested, it never falls back to the CPU.
 *
 * @throws {Error} if none opens, with the reason for each
 */
export async function openFastest<Opened>(
  choice: BackendChoice,
  device: DeviceChoice,
  open: (name: BackendName, device: DeviceChoice) => Promise<Opened>,
): Promise<{ opened: Opened; skipped: SkippedBackend[] }> {
  const skipped: SkippedBackend[] = [];
  let cause: unknown;
  for (const [name, on] of candidates(choice, device)) {
    try {
      return { opened: await open(name, on), skipped };
    } catch (error) {
      cause = error;
      skipped.push({ name, reason: reasonOf(name, error) });
    }
  }
  throw new Error(skipped.map(({ reason }) => reason).join('; '), { cause });
}

function candidates(
  choice: BackendChoice,
  device: DeviceChoice,
): (readonly [BackendName, DeviceChoice])[] {
  if (choice !== 'auto') return [[choice, device]];
  const onGpu = backendNames.filter(canUseGpu).map((name) => [name, 'gpu'] as const);
  const onCpu = backendNames.filter(canUseCpu).map((name) => [name, 'cpu'] as const);
  if (device === 'gpu') return onGpu;
  return device === 'cpu' ? onCpu : [...onGpu, ...onCpu];
}

function reasonOf(name: BackendName, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const isWhole = isNotSetUp(error) || error instanceof UnsupportedError;
  return isWhole ? message : `${name} does not load: ${message}`;
}
