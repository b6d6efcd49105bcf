import { publishedSpec, type TrainingSpec } from '../../shared/model/training-spec.ts';
import { normalizationEpsilon } from '../backend/batch-normalization.ts';
import { countOf, type Parameter, parametersOf } from './parameters.ts';

/**
 * Computes the weights of the published network: with its moving statistics, a batch normalization multiplies each channel by a number and
 * adds another, so the kernel of the convolution before it takes the one and its bias the other.
 *
 * @param parameters flat, in the order of `parametersOf(spec)`
 * @param folded overwritten, in the order of `parametersOf(publishedSpec(spec))`
 */
export function foldWeights(
  spec: TrainingSpec,
  parameters: Float32Array,
  folded: Float32Array,
): void {
  const valuesOf = ({ offset, size }: Parameter) => parameters.subarray(offset, offset + size);
  const tensors = parametersOf(spec);
  let to = 0;
  for (const tensor of tensors) {
    const { kind, layer } = tensor;
    if (isOfNormalization(tensor)) continue;
    const values = valuesOf(tensor);
    const own = tensors.filter((other) => isOfNormalization(other) && other.layer === layer + 1);
    if (kind !== 'kernel' || own.length === 0) {
      folded.set(values, to);
      to += values.length;
      continue;
    }
    const [gamma, beta, mean, variance] = own.map(valuesOf) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const channels = gamma.length;
    const scales = gamma.map(
      (value, channel) => value / Math.sqrt((variance[channel] as number) + normalizationEpsilon),
    );
    for (const [at, value] of values.entries()) {
      folded[to + at] = value * (scales[at % channels] as number);
    }
    to += values.length;
    for (let channel = 0; channel < channels; channel++) {
      folded[to + channel] =
        (beta[channel] as number) - (mean[channel] as number) * (scales[channel] as number);
    }
    to += channels;
  }
}

/**
 * Returns the parameters that a training starts with: the published network's initial weights, and a batch normalization that changes
 * nothing yet.
 *
 * @param initial flat, in the order of `parametersOf(publishedSpec(spec))`
 */
export function unfoldWeights(spec: TrainingSpec, initial: Float32Array): Float32Array {
  const tensors = parametersOf(spec);
  const parameters = new Float32Array(countOf(tensors));
  const published = parametersOf(publishedSpec(spec));
  const own = tensors.filter((tensor) => !isOfNormalization(tensor));
  let next = 0;
  for (const { kind, offset, size } of own) {
    // The bias that batch normalization replaces.
    if (kind === 'kernel' && published[next]?.kind === 'bias') next++;
    const from = published[next++] as Parameter;
    parameters.set(initial.subarray(from.offset, from.offset + size), offset);
  }
  for (const { kind, offset, size } of tensors) {
    if (kind === 'gamma' || kind === 'variance') parameters.fill(1, offset, offset + size);
  }
  return parameters;
}

const isOfNormalization = ({ kind }: Parameter) => kind !== 'kernel' && kind !== 'bias';
