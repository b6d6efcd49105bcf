import { cpus } from 'node:os';
import * as tf from '@tensorflow/tfjs-core';
import type {
  BackendChoice,
  BackendName,
  Device,
  DeviceChoice,
  OpenBackend,
  SkippedBackend,
} from './backend.ts';
import { registerFusedGradients } from './fused-gradients.ts';
import { isNotSetUp } from './native-setup.ts';

export interface OpenBackendOptions {
  device?: DeviceChoice | undefined;
  /** Threads that the backend may use by itself; only tensorflow does. As many as there are cores unless told. */
  threads?: number | undefined;
}

const openers: Record<BackendName, (options: OpenBackendOptions) => Promise<Device>> = {
  async tensorflow(options) {
    const { openTensorflow } = await import('./open-tensorflow.ts');
    return openTensorflow(options);
  },
  async wasm({ device }) {
    refuseGpu(device);
    const { BackendWasm } = await import('@tensorflow/tfjs-backend-wasm');
    await activate('wasm');
    const backend = tf.backend();
    if (!(backend instanceof BackendWasm)) throw new Error('Another backend is called wasm.');
    const { registerTrainingKernels } = await import('./wasm-kernels.ts');
    registerTrainingKernels(backend);
    return thisProcessor();
  },
  async cpu({ device }) {
    refuseGpu(device);
    await import('@tensorflow/tfjs-backend-cpu');
    await activate('cpu');
    return thisProcessor();
  },
};

/**
 * Makes a backend TensorFlow.js's current one in this thread, ready to train.
 *
 * @throws {NotSetUpError} where it is tensorflow, which nobody has set up here
 * @throws {Error} where the backend or the device does not load, with the reason
 */
export async function openBackend(
  name: BackendName,
  options: OpenBackendOptions = {},
): Promise<OpenBackend> {
  tf.enableProdMode(); // Else TensorFlow.js advertises its native backend on every start.
  registerFusedGradients();
  return { name, device: await openers[name](options) };
}

export const thisProcessor = (): Device => ({
  kind: 'CPU',
  name: cpus()[0]?.model.trim() ?? 'CPU',
});

function refuseGpu(device: DeviceChoice | undefined): void {
  if (device === 'gpu') throw new Error('it computes on the CPU alone.');
}

/** Waits until TensorFlow.js uses a registered backend. */
export async function activate(name: BackendName): Promise<void> {
  const loaded = await tf.setBackend(name).catch((error: unknown) => {
    throw error instanceof Error ? error : new Error(JSON.stringify(error));
  });
  if (!loaded) throw new Error('TensorFlow.js could not initialize it.');
}

/**
 * Opens the backend asked for or, for 'auto', the fastest that opens: tensorflow on a GPU, then wasm, which is faster on
 * CPUs than tensorflow (docs/11-benchmarks.md). A GPU asked for is never replaced by something else: then tensorflow, which alone
 * computes on one, opens or nothing does.
 *
 * @throws {Error} where none opens, with each one's reason
 */
export async function firstThatOpens<Opened>(
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

type Candidate = readonly [BackendName, DeviceChoice];

function candidates(choice: BackendChoice, device: DeviceChoice): readonly Candidate[] {
  if (choice !== 'auto') return [[choice, device]];
  const onGpu: Candidate = ['tensorflow', 'gpu'];
  const onCpu: Candidate[] = [
    ['wasm', 'cpu'],
    ['tensorflow', 'cpu'],
    ['cpu', 'cpu'],
  ];
  if (device === 'gpu') return [onGpu];
  return device === 'cpu' ? onCpu : [onGpu, ...onCpu];
}

function reasonOf(name: BackendName, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return isNotSetUp(error) ? message : `${name} does not load: ${message}`;
}
