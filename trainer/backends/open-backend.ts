import { cpus } from 'node:os';
import * as tf from '@tensorflow/tfjs-core';
import { registerFusedGradients } from '../training/fused-gradients.ts';
import type { BackendChoice, BackendName, OpenBackend } from './backend.ts';

const fastestFirst: readonly BackendName[] = ['wasm', 'cpu'];

const openers: Record<BackendName, () => Promise<void>> = {
  async wasm() {
    const { BackendWasm } = await import('@tensorflow/tfjs-backend-wasm');
    await activate('wasm');
    const backend = tf.backend();
    if (!(backend instanceof BackendWasm)) throw new Error('Another backend is called wasm.');
    const { registerTrainingKernels } = await import('../kernels/register.ts');
    registerTrainingKernels(backend);
  },
  async cpu() {
    await import('@tensorflow/tfjs-backend-cpu');
    await activate('cpu');
  },
};

/**
 * Makes a backend TensorFlow.js's current one in this thread, ready to train.
 *
 * @throws {Error} where the backend asked for does not load, with the reason
 */
export async function openBackend(choice: BackendChoice): Promise<OpenBackend> {
  tf.enableProdMode(); // Else TensorFlow.js advertises its native backend on every start.
  registerFusedGradients();
  const skipped: OpenBackend['skipped'] = [];
  for (const name of choice === 'auto' ? fastestFirst : [choice]) {
    try {
      await openers[name]();
      return { name, device: `${cpus()[0]?.model.trim() ?? 'CPU'}`, skipped };
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      if (choice !== 'auto') {
        throw new Error(`The ${name} backend does not load: ${reason}`, { cause });
      }
      skipped.push({ name, reason });
    }
  }
  throw new Error(
    `No backend loads: ${skipped.map(({ name, reason }) => `${name}: ${reason}`).join('; ')}`,
  );
}

async function activate(name: BackendName): Promise<void> {
  const loaded = await tf.setBackend(name).catch((error: unknown) => {
    throw error instanceof Error ? error : new Error(JSON.stringify(error));
  });
  if (!loaded) throw new Error('TensorFlow.js could not initialize it.');
}
