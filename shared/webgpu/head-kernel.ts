import { hiddenSplits } from './dense-kernels.ts';
import { type Binding, defineKernel, float, type Kernel, workgroupSize } from './kernel.ts';
import type { NetworkPlan } from './network-plan.ts';

export interface LossSettings {
  /** Share of each target that is spread over all labels. */
  labelSmoothing: number;
  /** The weight of an image of each label in the loss; null if all weigh the same. */
  labelWeights: Float32Array | null;
}

/** Threads that compute one logit together. */
const lanes = 16;

/**
 * Returns the kernel of the end of the network, a workgroup per image: the hidden layer's bias, ReLU and dropout, the logits,
 * softmax, the loss and the gradients back to the hidden layer's product. Without `loss`, it ends with the logits.
 */
export function headKernel(plan: NetworkPlan, batch: number, loss: LossSettings | null): Kernel {
  const { hidden, output, dropout } = plan;
  const bindings: Binding[] = [
    { variable: 'parts', buffer: 'hiddenParts' },
    { variable: 'weights', buffer: 'weights' },
  ];
  const trained: Binding[] = [
    { variable: 'order', buffer: 'order', element: 'u32' },
    { variable: 'labels', buffer: 'labels', element: 'u32' },
    { variable: 'activations', buffer: 'hiddenActivations', writes: true },
    { variable: 'logitsGradient', buffer: 'logitsGradient', writes: true },
    { variable: 'hiddenGradient', buffer: 'hiddenGradient', writes: true },
    { variable: 'losses', buffer: 'losses', writes: true },
  ];
  if (loss) bindings.push(...trained);
  else bindings.push({ variable: 'logits', buffer: 'logits', writes: true });
  const code = `
const units = ${hidden.units}u; const count = ${output.units}u;
var<workgroup> layer: array<f32, ${hidden.units}>;
var<workgroup> sums: array<f32, ${workgroupSize}>;
var<workgroup> scores: array<f32, ${output.units}>;
${loss ? `var<workgroup> slopes: array<f32, ${output.units}>;\n${dropoutFunctions(dropout)}` : ''}
@compute @workgroup_size(${workgroupSize})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let image = group.x;
  for (var unit = thread; unit < units; unit += ${workgroupSize}u) {
    var value = weights[${hidden.offset + hidden.inputs * hidden.units}u + unit];
    for (var part = 0u; part < ${hiddenSplits(hidden, batch)}u; part++) {
      value += parts[(part * ${batch}u + image) * units + unit];
    }
    if (value <= 0.0) { value = 0.0; }
    ${loss ? 'value *= keep(image * units + unit); activations[image * units + unit] = value;' : ''}
    layer[unit] = value;
  }
  workgroupBarrier();
${logitsCode(output.offset, output.offset + hidden.units * output.units)}
${loss ? lossCode(plan, loss) : `if (image < step.count) { for (var label = thread; label < count; label += ${workgroupSize}u) { logits[(step.first + image) * count + label] = scores[label]; } }`}
}`;
  return defineKernel(loss ? 'head' : 'logits', [batch, 1, 1], bindings, code);
}

const logitsCode = (kernel: number, bias: number) => `
  for (var low = 0u; low < count; low += ${workgroupSize / lanes}u) {
    let label = low + thread / ${lanes}u;
    var sum = 0.0;
    if (label < count) {
      for (var unit = thread % ${lanes}u; unit < units; unit += ${lanes}u) { sum += layer[unit] * weights[${kernel}u + unit * count + label]; }
    }
    sums[thread] = sum;
    workgroupBarrier();
    if (thread % ${lanes}u == 0u && label < count) {
      for (var lane = 1u; lane < ${lanes}u; lane++) { sum += sums[thread + lane]; }
      scores[label] = sum + weights[${bias}u + label];
    }
    workgroupBarrier();
  }`;

/** Cross-entropy of softmax, and its gradient: (softmax - target) / count, both times the image's weight. */
const lossCode = ({ output }: NetworkPlan, { labelSmoothing, labelWeights }: LossSettings) => `
  let position = step.first + image;
  if (thread == 0u) {
    if (image < step.count) {
      var top = scores[0];
      for (var c = 1u; c < count; c++) { top = max(top, scores[c]); }
      var total = 0.0;
      for (var c = 0u; c < count; c++) { total += exp(scores[c] - top); }
      let source = order[position];
      let label = (labels[source / 4u] >> (8u * (source % 4u))) & 255u;
      ${labelWeights ? `var all = array<f32, ${labelWeights.length}>(${[...labelWeights].map(float).join(', ')}); let weight = all[label];` : 'let weight = 1.0;'}
      var loss = 0.0;
      for (var c = 0u; c < count; c++) {
        let goal = select(0.0, ${float(1 - labelSmoothing)}, c == label) + ${float(labelSmoothing / output.units)};
        slopes[c] = weight * (exp(scores[c] - top) / total - goal) / f32(step.count);
        if (goal > 0.0) { loss += goal * (top + log(total) - scores[c]); }
      }
      losses[position] = weight * loss;
    } else {
      for (var c = 0u; c < count; c++) { slopes[c] = 0.0; }
    }
  }
  workgroupBarrier();
  for (var c = thread; c < count; c += ${workgroupSize}u) { logitsGradient[image * count + c] = slopes[c]; }
  for (var unit = thread; unit < units; unit += ${workgroupSize}u) {
    var slope = 0.0;
    for (var c = 0u; c < count; c++) { slope += slopes[c] * weights[${output.offset}u + unit * count + c]; }
    hiddenGradient[image * units + unit] = select(0.0, slope * keep(image * units + unit), layer[unit] > 0.0);
  }`;

/** PCG's output function (Jarzynski & Olano 2020, "Hash Functions for GPU Rendering"). */
const dropoutFunctions = (rate: number) => `
fn scramble(value: u32) -> u32 {
  let state = value * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return (word >> 22u) ^ word;
}
fn keep(at: u32) -> f32 { ${rate === 0 ? 'return 1.0;' : `return select(${float(1 / (1 - rate))}, 0.0, scramble(step.mask ^ scramble(at)) < ${Math.round(rate * 2 ** 32)}u);`} }`;

/** The same as the kernel's `scramble`. */
function scramble(value: number): number {
  const state = (Math.imul(value, 747796405) + 2891336453) >>> 0;
  const word = Math.imul(((state >>> ((state >>> 28) + 4)) ^ state) >>> 0, 277803737) >>> 0;
  return ((word >>> 22) ^ word) >>> 0;
}

/** Returns the seed of the dropout mask of a step, an integer of 32 bits. */
export const maskSeed = (seed: number, step: number): number =>
  scramble(scramble(seed >>> 0) ^ step);

/** Returns the factors of dropout that the kernel uses, image by image: 0 with probability `rate`, else 1 / (1 - rate). */
export function dropoutFactors(length: number, rate: number, mask: number): Float32Array {
  const limit = Math.round(rate * 2 ** 32);
  return Float32Array.from({ length }, (_, at) =>
    rate > 0 && scramble((mask ^ scramble(at)) >>> 0) < limit ? 0 : 1 / (1 - rate),
  );
}
