import {
  type Binding,
  defineKernel,
  elementwise,
  float,
  groupsFor,
  type Kernel,
} from './kernel.ts';

/** A layer's part of the flat vector, and the parts of its gradient in the buffer `gradients`. */
export interface GradientPart {
  /** Where its kernel starts in the flat vector. */
  offset: number;
  /** Numbers of its kernel, to which weight decay applies, and of its bias. */
  kernel: number;
  bias: number;
  /** Where its gradient starts in `gradients`, and the number of parts to add up. */
  start: number;
  splits: number;
}

export interface UpdateSettings {
  optimizer: 'adam' | 'adamw' | 'sgd';
  weightDecay: number;
  averageDecay: number;
  /** Adam's constants. */
  beta1: number;
  beta2: number;
  epsilon: number;
  /** Of sgd. */
  momentum: number;
}

/** Returns the kernel that adds up the gradients and takes a step on all weights, as trainer/train/optimizer.ts does. */
export function updateKernel(
  length: number,
  parts: readonly GradientPart[],
  settings: UpdateSettings,
): Kernel {
  const { averageDecay } = settings;
  const bindings: Binding[] = [
    { variable: 'gradients', buffer: 'gradients' },
    { variable: 'weights', buffer: 'weights', writes: true },
    { variable: 'firstMoments', buffer: 'firstMoments', writes: true },
  ];
  if (settings.optimizer !== 'sgd') {
    bindings.push({ variable: 'secondMoments', buffer: 'secondMoments', writes: true });
  }
  if (averageDecay > 0) bindings.push({ variable: 'average', buffer: 'average', writes: true });
  const code = `${elementwise(length)}
  var at = 0u; var size = 0u; var splits = 0u; var isKernel = false;
${parts
  .map(
    ({ offset, kernel, bias, start, splits }) =>
      `  if (i >= ${offset}u) { at = ${start}u + i - ${offset}u; size = ${kernel + bias}u; splits = ${splits}u; isKernel = i < ${offset + kernel}u; }`,
  )
  .join('\n')}
  var slope = 0.0;
  for (var part = 0u; part < splits; part++) { slope += gradients[at + part * size]; }
  var weight = weights[i];
${stepCode(settings)}
  weights[i] = weight;
${averageDecay > 0 ? '  average[i] += step.averageShare * (weight - average[i]);' : ''}
}`;
  return defineKernel('update', groupsFor(length), bindings, code);
}

function stepCode(settings: UpdateSettings): string {
  const { optimizer, weightDecay, beta1, beta2, epsilon, momentum } = settings;
  const decay =
    weightDecay === 0
      ? ''
      : optimizer === 'adamw'
        ? `  if (isKernel) { weight -= step.learningRate * ${float(weightDecay)} * weight; }\n`
        : `  if (isKernel) { slope += ${float(weightDecay)} * weight; }\n`;
  if (optimizer === 'sgd') {
    return `${decay}  let speed = ${float(momentum)} * firstMoments[i] + slope;
  firstMoments[i] = speed; weight -= step.learningRate * speed;`;
  }
  return `${decay}  let moment = ${float(beta1)} * firstMoments[i] + ${float(1 - beta1)} * slope;
  let square = ${float(beta2)} * secondMoments[i] + ${float(1 - beta2)} * slope * slope;
  firstMoments[i] = moment; secondMoments[i] = square;
  weight -= step.stepSize * moment / (sqrt(square) * step.inverseCorrection + ${float(epsilon)});`;
}
