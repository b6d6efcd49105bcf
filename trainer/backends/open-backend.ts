import { cpus } from 'node:os';
import * as tf from '@tensorflow/tfjs-core';
import { registerFusedGradients } from '../training/fused-gradients.ts';
import type { BackendName, Device, DeviceChoice, OpenBackend } from './backend.ts';

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
    const { registerTrainingKernels } = await import('../kernels/register.ts');
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
