import type { Scale } from '../model/model-spec.ts';
import {
  type ConvolutionBuffers,
  convolve,
  filterGradient,
  filterGradientSplits,
  inputGradient,
} from './convolution-kernels.ts';
import {
  hiddenInputGradient,
  hiddenProduct,
  hiddenSplits,
  kernelGradient,
} from './dense-kernels.ts';
import { headKernel, type LossSettings } from './head-kernel.ts';
import type { Kernel } from './kernel.ts';
import type { NetworkPlan } from './network-plan.ts';
import { type Augmentation, prepareKernel } from './prepare-kernel.ts';
import { type GradientPart, type UpdateSettings, updateKernel } from './update-kernel.ts';

export interface TrainingSettings extends LossSettings, UpdateSettings {
  /** null if the images stay as they are. */
  augmentation: Augmentation | null;
}

/** The kernels of a forward pass, from bytes to logits. Images `first` to `first + count` of the step become rows of `logits`. */
export const inferenceKernels = (plan: NetworkPlan, batch: number, scale: Scale): Kernel[] => [
  prepareKernel('test input', plan, batch, scale, { images: 'images' }),
  ...forwardKernels(plan, batch),
  headKernel(plan, batch, null),
];

/** The kernels of a training step, in order. */
export function trainingKernels(
  plan: NetworkPlan,
  batch: number,
  scale: Scale,
  settings: TrainingSettings,
): Kernel[] {
  const { augmentation } = settings;
  const { parts, ofConvolution, hidden, output } = gradientParts(plan, batch);
  const pooled = lastOutput(plan);
  const gradients = plan.convolutions.map((convolution, index) => {
    const buffers = buffersOf(index, batch);
    const kernels = [
      filterGradient(convolution, buffers, (ofConvolution[index] as GradientPart).start),
    ];
    if (index > 0) kernels.push(inputGradient(convolution, buffers, `gradient ${index - 1}`));
    return kernels;
  });
  return [
    prepareKernel('input', plan, batch, scale, { images: 'images', order: 'order', augmentation }),
    ...forwardKernels(plan, batch),
    headKernel(plan, batch, settings),
    kernelGradient('logits kernel gradient', plan.output, batch, {
      input: 'hiddenActivations',
      outputGradient: 'logitsGradient',
      start: output.start,
    }),
    kernelGradient('hidden kernel gradient', plan.hidden, batch, {
      input: pooled,
      outputGradient: 'hiddenGradient',
      start: hidden.start,
    }),
    hiddenInputGradient(plan.hidden, batch, `gradient ${plan.convolutions.length - 1}`),
    // From the last convolution back to the first.
    ...gradients.reverse().flat(),
    updateKernel(plan.parameters, parts, settings),
  ];
}

const forwardKernels = (plan: NetworkPlan, batch: number): Kernel[] => [
  ...plan.convolutions.map((convolution, index) => convolve(convolution, buffersOf(index, batch))),
  hiddenProduct(plan.hidden, batch, lastOutput(plan)),
];

const buffersOf = (index: number, batch: number): ConvolutionBuffers => ({
  index,
  batch,
  input: index === 0 ? 'input' : `output ${index - 1}`,
  output: `output ${index}`,
  places: `places ${index}`,
  outputGradient: `gradient ${index}`,
});

const lastOutput = ({ convolutions }: NetworkPlan) => `output ${convolutions.length - 1}`;

/** Lays out the buffer `gradients`: the parts of each layer, in the order of the flat vector. */
function gradientParts(plan: NetworkPlan, batch: number) {
  let length = 0;
  const parts: GradientPart[] = [];
  const add = (offset: number, kernel: number, bias: number, splits: number) => {
    const part = { offset, kernel, bias, start: length, splits };
    parts.push(part);
    length += splits * (kernel + bias);
    return part;
  };
  const ofConvolution = plan.convolutions.map((convolution) => {
    const { kernelSize, channels, filters, offset } = convolution;
    const splits = filterGradientSplits(convolution, batch);
    return add(offset, kernelSize ** 2 * channels * filters, filters, splits);
  });
  const dense = ({ offset, inputs, units }: NetworkPlan['hidden']) =>
    add(offset, inputs * units, units, 1);
  const hidden = dense(plan.hidden);
  const output = dense(plan.output);
  return { parts, ofConvolution, hidden, output, length };
}

/** The numbers in each buffer that a forward pass writes between its input and its logits. */
export function forwardSizes(plan: NetworkPlan, batch: number): Record<string, number> {
  const { height, width, channels, convolutions, hidden } = plan;
  const sizes: Record<string, number> = {
    input: batch * height * width * channels,
    hiddenParts: hiddenSplits(hidden, batch) * batch * hidden.units,
  };
  for (const [index, { pooledHeight, pooledWidth, filters }] of convolutions.entries()) {
    sizes[`output ${index}`] = batch * pooledHeight * pooledWidth * filters;
    sizes[`places ${index}`] = batch * pooledHeight * pooledWidth * filters;
  }
  return sizes;
}

/** The numbers in each buffer that only a training step writes. */
export function backwardSizes(plan: NetworkPlan, batch: number): Record<string, number> {
  const { convolutions, hidden, output } = plan;
  const sizes: Record<string, number> = {
    hiddenActivations: batch * hidden.units,
    hiddenGradient: batch * hidden.units,
    logitsGradient: batch * output.units,
    gradients: gradientParts(plan, batch).length,
  };
  for (const [index, { pooledHeight, pooledWidth, filters }] of convolutions.entries()) {
    sizes[`gradient ${index}`] = batch * pooledHeight * pooledWidth * filters;
  }
  return sizes;
}
