import { createRequire } from 'node:module';
import { join } from 'node:path';
import util from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import type { Device } from './backend.ts';
import {
  explainNoGpu,
  gpuName,
  type NativeSetup,
  NotSetUpError,
  nativeFolder,
  readNativeSetup,
} from './native-setup.ts';
import { activate, type OpenBackendOptions, thisProcessor } from './open-backend.ts';
import {
  registerTensorflowKernels,
  type TensorflowBackend,
  type TensorflowBinding,
} from './tensorflow-kernels.ts';

/**
 * Opens TensorFlow by its C library, on a GPU where one answers.
 *
 * @throws {NotSetUpError} where nobody has set it up
 * @throws {Error} where it does not load, or the GPU asked for is not used
 */
export async function openTensorflow({ device, threads }: OpenBackendOptions): Promise<Device> {
  const setup = await readNativeSetup();
  if (!setup) throw new NotSetUpError();
  // Known without the second or two that loading it takes.
  if (device === 'gpu' && setup.variant === 'cpu') throw new Error(await explainNoGpu(setup));
  setTensorflowEnvironment({ device, threads });
  const binding = loadTensorflow(setup);
  await activate('tensorflow');
  registerTensorflowKernels(tf.backend() as unknown as TensorflowBackend, binding);
  if (binding.isUsingGpuDevice()) return { kind: 'GPU', name: await gpuName() };
  if (device === 'gpu') throw new Error(await explainNoGpu(setup));
  return thisProcessor();
}

/** TensorFlow reads these when it loads. They must be the process's own: a worker thread needs SHARE_ENV. */
function setTensorflowEnvironment({ device, threads }: OpenBackendOptions): void {
  const { env } = process;
  if (device === 'cpu') env.CUDA_VISIBLE_DEVICES = '-1';
  // Without it TensorFlow takes the whole GPU's memory at once.
  env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true';
  // Errors alone; it tells of its optimizations otherwise.
  env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  if (threads !== undefined) env.TF_NUM_INTRAOP_THREADS = String(threads);
}

/**
 * Of the TensorFlow that is set up, which this loads.
 *
 * @throws {NotSetUpError} where none is
 */
export async function tensorflowVersion(): Promise<string> {
  const setup = await readNativeSetup();
  if (!setup) throw new NotSetUpError();
  return requireBinding(setup).TF_Version;
}

// By build/native's own packages, whose TensorFlow.js is the one that everything here uses.
const requireNative = createRequire(nativeFolder);
const requireBinding = ({ binding }: NativeSetup): TensorflowBinding =>
  requireNative(join(nativeFolder, binding));

/** Registers the backend with the TensorFlow.js that everything here uses. */
function loadTensorflow(setup: NativeSetup): TensorflowBinding {
  // Removed in Node 23, and the package calls them (tensorflow/tfjs#8425).
  Object.assign(util, {
    isNullOrUndefined: (value: unknown) => value === null || value === undefined,
    isArray: Array.isArray,
  });
  const binding = requireBinding(setup);
  if (tf.engine().findBackendFactory('tensorflow') !== null) return binding;
  // Not the package's main file: it would look for a binding of its own and load and take over TensorFlow.js.
  const { NodeJSKernelBackend } = requireNative(
    '@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend',
  );
  requireNative('@tensorflow/tfjs-node-gpu/dist/register_all_kernels');
  tf.registerBackend('tensorflow', () => new NodeJSKernelBackend(binding, 'catwalk'));
  return binding;
}
