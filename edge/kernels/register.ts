import {
  env,
  fusedConv2DConfig,
  getKernel,
  identityConfig,
  type KernelConfig,
  maxPoolConfig,
  registerKernel,
  reshapeConfig,
} from '#tensorflow';
import { denseKernel } from './dense.ts';
import { pooledConvolutionKernel } from './pooled-convolution.ts';

/** What the layers of ModelSpec call at inference. */
const kernels = [
  fusedConv2DConfig,
  denseKernel,
  pooledConvolutionKernel,
  identityConfig,
  maxPoolConfig,
  reshapeConfig,
];

/** Registers these kernels on the cpu backend, once. */
export function registerKernels(): void {
  // Workers have a `process` too, which TensorFlow.js takes for Node and advises to install another backend.
  env().set('IS_NODE', false);
  registerOnce(kernels);
}

/**
 * Registers the further layers and kernels that a model of many kinds may need, where it has one that the usual ones don't
 * cover.
 *
 * @param topology as in model.json
 */
export async function registerExtraKernels(topology: Record<string, unknown>): Promise<void> {
  if (isUsual(topology)) return;
  registerOnce((await import('#tensorflow/extra-kernels')).extraKernels);
}

function registerOnce(configs: readonly KernelConfig[]): void {
  for (const kernel of configs) {
    if (!getKernel(kernel.kernelName, kernel.backendName)) registerKernel(kernel);
  }
}

const usualClasses = [
  'Sequential',
  'InputLayer',
  'Conv2D',
  'MaxPooling2D',
  'Flatten',
  'Dense',
  'Dropout',
];
/** What is for training alone. */
const passedOver = /_(initializer|regularizer|constraint)$/;
const usualActivations = ['relu', 'linear'];

/** Whether all layers are of the usual classes, wherever they stand, with activations that the usual kernels compute. */
function isUsual(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isUsual);
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, inner]) => {
    if (passedOver.test(key)) return true;
    if (key === 'class_name') return usualClasses.includes(String(inner));
    if (key === 'activation') return usualActivations.includes(String(inner));
    return isUsual(inner);
  });
}
