import type { Address } from '../../shared/kernels/common-kernels.ts';
import { readBuild } from '../kernels/module.ts';

export interface AdamOptions {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
}

/** PyTorch's defaults (torch.optim.Adam). */
export const adamDefaults = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

/** The flat vectors that Adam works on; all of one length, on one memory shared by all replicas. */
export interface AdamState {
  parameters: Float32Array;
  firstMoments: Float32Array;
  secondMoments: Float32Array;
}

/**
 * One step of Adam (Kingma & Ba 2015, arXiv:1412.6980) on the numbers `from` to `to`, in place, in the order
 * of operations of PyTorch's `_single_tensor_adam`.
 *
 * @param gradient as long as the state's vectors
 * @param step counts from 1
 */
export type AdamStep = (
  state: AdamState,
  gradient: Float32Array,
  options: AdamOptions,
  step: number,
  from: number,
  to: number,
) => void;

/** The function of shared/kernels/assembly/optimizer.ts. */
interface OptimizerModule {
  adamStep(
    parameters: Address,
    firstMoments: Address,
    secondMoments: Address,
    gradient: Address,
    length: number,
    stepSize: number,
    inverseCorrection: number,
    beta1: number,
    beta2: number,
    epsilon: number,
  ): void;
}

/**
 * Adam for vectors on a shared memory: in WebAssembly, as most of a scalar step is spent on square roots and divisions.
 *
 * @param memory where all vectors lie that it will be given
 * @throws {Error} where it was not built (`npm run build`)
 */
export function openAdam(memory: WebAssembly.Memory): AdamStep {
  const module = new WebAssembly.Module(readBuild('optimizer.wasm'));
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const { adamStep } = instance.exports as unknown as OptimizerModule;
  return (
    { parameters, firstMoments, secondMoments },
    gradient,
    { learningRate, beta1, beta2, epsilon },
    step,
    from,
    to,
  ) => {
    const addressIn = ({ byteOffset }: Float32Array) => byteOffset + 4 * from;
    adamStep(
      addressIn(parameters),
      addressIn(firstMoments),
      addressIn(secondMoments),
      addressIn(gradient),
      to - from,
      learningRate / (1 - beta1 ** step),
      1 / Math.sqrt(1 - beta2 ** step),
      beta1,
      beta2,
      epsilon,
    );
  };
}
