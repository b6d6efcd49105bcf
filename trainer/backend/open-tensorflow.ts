import { createRequire } from 'node:module';
import { join } from 'node:path';
import util from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import type { OpenBackendOptions } from './backend.ts';
import {
  explainNoGpu,
  gpuName,
  type NativeSetup,
  NotSetUpError,
  nativeFolder,
  readNativeSetup,
} from './native-setup.ts';
import {
  registerTensorflowKernels,
  type TensorflowBackend,
  type TensorflowBinding,
} from './tensorflow-kernels.ts';

/**
 * Loads TensorFlow's C library and registers it as the backend tensorflow. It uses a GPU if one is available.
 *
 * @returns a function that adds Catwalk's kernels to the current backend and returns its GPU's name, or null
 * @throws {NotSetUpError} if TensorFlow is not set up
 * @throws {Error} if it does not load, or can't use the requested GPU
 */
export async function loadTensorflow({
  device,
  threads,
}: OpenBackendOptions): Promise<() => Promise<string | null>> {
  const setup = await requireSetup();
  // Loading TensorFlow to find this out would take a second or two.
  if (device === 'gpu' && setup.variant === 'cpu') throw new Error(await explainNoGpu(setup));
  setTensorflowEnvironment({ device, threads });
  const binding = registerTensorflow(setup);
  return async () => {
    registerTensorflowKernels(tf.backend() as unknown as TensorflowBackend, binding);
    if (binding.isUsingGpuDevice()) return gpuName();
    if (device === 'gpu') throw new Error(await explainNoGpu(setup));
    return null;
  };
}

/**
 * Loads the TensorFlow that is set up and returns its version.
 *
 * @throws {NotSetUpError} if TensorFlow is not set up
 */
export async function tensorflowVersion(): Promise<string> {
  return requireBinding(await requireSetup()).TF_Version;
}

async function requireSetup(): Promise<NativeSetup> {
  const setup = await readNativeSetup();
  if (!setup) throw new NotSetUpError('tensorflow');
  return setup;
}

/** TensorFlow reads these when it loads, from the process's own environment: a worker thread needs SHARE_ENV. */
function setTensorflowEnvironment({ device, threads }: OpenBackendOptions): void {
  const { env } = process;
  if (device === 'cpu') env.CUDA_VISIBLE_DEVICES = '-1';
  // Otherwise TensorFlow allocates all of the GPU's memory at once.
  env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true';
  // Logs only errors, not TensorFlow's optimizations.
  env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  if (threads !== undefined) env.TF_NUM_INTRAOP_THREADS = String(threads);
}

// Resolves from build/native's packages, which use the same TensorFlow.js as everything here.
const requireNative = createRequire(nativeFolder);
const requireBinding = ({ binding }: NativeSetup): TensorflowBinding =>
  requireNative(join(nativeFolder, binding));

function registerTensorflow(setup: NativeSetup): TensorflowBinding {
  // Removed in Node 23, but the package calls them (tensorflow/tfjs#8425).
  Object.assign(util, {
    isNullOrUndefined: (value: unknown) => value === null || value === undefined,
    isArray: Array.isArray,
  });
  const binding = requireBinding(setup);
  if (tf.engine().findBackendFactory('tensorflow') !== null) return binding;
  // The package's main file would look for a binding of its own.
  const { NodeJSKernelBackend } = requireNative(
    '@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend',
  );
  requireNative('@tensorflow/tfjs-node-gpu/dist/register_all_kernels');
  tf.registerBackend('tensorflow', () => new NodeJSKernelBackend(binding, 'catwalk'));
  return binding;
}
