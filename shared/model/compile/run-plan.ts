import type { KernelConfig, NamedAttrMap, Tensor, TensorInfo } from '@tensorflow/tfjs-core';
import type { Plan } from './compile-model.ts';
import type { Segment } from './segment.ts';

const segmentKernelName = 'CatwalkSegment';

interface CpuBackend {
  data: { get(dataId: object): { values: unknown } };
  makeTensorInfo(shape: number[], dtype: 'float32', values: Float32Array): TensorInfo;
}

/** The kernel that runs a segment on the cpu backend, to be registered once. Inputs are named by their position. */
export const segmentKernel: KernelConfig = {
  kernelName: segmentKernelName,
  backendName: 'cpu',
  kernelFunc({ inputs, attrs, backend }) {
    const { data, makeTensorInfo } = backend as unknown as CpuBackend;
    const { segment, shapes } = attrs as unknown as { segment: Segment; shapes: number[][] };
    const tensors = segment.inputs.map((_, at) => inputs[at] as TensorInfo);
    const images = tensors[0]?.shape[0] ?? 0;
    const sources = tensors.map(({ dataId }) => data.get(dataId).values as Float32Array);
    const results = segment.outputLengths.map((length) => new Float32Array(images * length));
    const imageOf = (values: Float32Array, image: number) => {
      const length = values.length / images;
      return values.subarray(image * length, (image + 1) * length);
    };
    for (let image = 0; image < images; image++) {
      segment.run(
        sources.map((values) => imageOf(values, image)),
        results.map((values) => imageOf(values, image)),
      );
    }
    return results.map((values, at) =>
      makeTensorInfo.call(backend, [images, ...(shapes[at] as number[])], 'float32', values),
    );
  },
};

/** `engine().runKernel` of TensorFlow.js. */
export type RunKernel = (
  name: string,
  inputs: Record<string, Tensor>,
  attrs: NamedAttrMap,
) => unknown;

/**
 * Computes the outputs of a batch of images. Call it within tidy().
 *
 * @param images a tensor on the cpu backend
 */
export function runPlan(plan: Plan, runKernel: RunKernel, images: Tensor): Tensor {
  const values = new Map([[0, images]]);
  const read = (inputs: number[]) => inputs.map((value) => values.get(value) as Tensor);
  for (const step of plan.steps) {
    if (step.kind === 'stock') {
      values.set(step.output, step.apply(read(step.inputs)));
      continue;
    }
    const { segment } = step;
    const shapes = segment.outputs.map((value) => plan.shapes[value]);
    const attrs = { segment, shapes } as unknown as NamedAttrMap;
    const outputs = runKernel(
      segmentKernelName,
      Object.fromEntries(read(segment.inputs).entries()),
      attrs,
    ) as Tensor[];
    for (const [at, value] of segment.outputs.entries()) values.set(value, outputs[at] as Tensor);
  }
  return values.get(plan.output) as Tensor;
}
