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
import { segmentKernel } from '../../shared/model/compile/run-plan.ts';
import { denseKernel } from './dense.ts';
import { pooledConvolutionKernel } from './pooled-convolution.ts';

/** The kernels that the layers of ModelSpec call at inference. */
const standardKernels = [
  fusedConv2DConfig,
  denseKernel,
  pooledConvolutionKernel,
  segmentKernel,
  identityConfig,
  maxPoolConfig,
  reshapeConfig,
];

/** Registers the standard kernels on the cpu backend. Further calls do nothing. */
export function registerKernels(): void {
  // Workers have a `process`, from which TensorFlow.js concludes Node and recommends its Node backend.
  env().set('IS_NODE', false);
  registerOnce(standardKernels);
}

/**
 * Registers the extra layers and kernels if the model has a layer that the standard ones don't cover.
 *
 * @param topology as in model.json
 */
export async function registerExtraKernels(topology: Record<string, unknown>): Promise<void> {
  if (isStandard(topology)) return;
  registerOnce(Object.values(await import('#tensorflow/extra-kernels')));
}

function registerOnce(configs: readonly KernelConfig[]): void {
  for (const kernel of configs) {
    if (!getKernel(kernel.kernelName, kernel.backendName)) registerKernel(kernel);
  }
}

const standardClasses = [
  'Sequential',
  'InputLayer',
  'Conv2D',
  'MaxPooling2D',
  'Flatten',
  'Dense',
  'Dropout',
];
/** Configuration that only training uses. */
const trainingOnly = /_(initializer|regularizer|constraint)$/;
const standardActivations = ['relu', 'linear'];

/** Whether all layers, nested ones too, have classes and activations that the standard kernels cover. */
function isStandard(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isStandard);
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, inner]) => {
    if (trainingOnly.test(key)) return true;
    if (key === 'class_name') return standardClasses.includes(String(inner));
    if (key === 'activation') return standardActivations.includes(String(inner));
    return isStandard(inner);
  });
}
