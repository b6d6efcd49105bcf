import {
  getKernel,
  type KernelFunc,
  type NamedAttrMap,
  type NamedTensorInfoMap,
  registerKernel,
  type TensorInfo,
  unregisterKernel,
} from '@tensorflow/tfjs-core';

/** A kernel's own work: the result, or null for a case that it does not cover. */
export type FastKernel = (inputs: NamedTensorInfoMap, attrs: NamedAttrMap) => TensorInfo | null;

/**
 * Puts a faster kernel in the place of a backend's own one, through TensorFlow.js's registry. What the
 * fast one does not cover goes on to the backend's own kernel, so call it once the backend is ready: that is
 * when a kernel's own set-up has run.
 *
 * @returns a function that puts the backend's own kernel back
 */
export function replaceKernel(kernelName: string, backendName: string, fast: FastKernel) {
  const stock = getKernel(kernelName, backendName);
  const kernelFunc: KernelFunc = (params) => {
    const result = fast(params.inputs, params.attrs ?? {});
    if (result !== null) return result;
    if (!stock) {
      throw new Error(`The ${backendName} backend has no ${kernelName} for these arguments.`);
    }
    return stock.kernelFunc(params);
  };
  if (stock) unregisterKernel(kernelName, backendName);
  registerKernel({ kernelName, backendName, kernelFunc });
  return () => {
    unregisterKernel(kernelName, backendName);
    if (stock) registerKernel(stock);
  };
}
