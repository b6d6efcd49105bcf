import {
  type Clamp,
  type Convolution,
  type Depthwise,
  isUnclamped,
  type Operation,
  type Size,
  unclamped,
} from './operation.ts';

/**
 * Merges operations: batch normalization and activations into what comes before them, zero padding into the windows that read it, an
 * addition into the convolution that computes one of its operands, and 2x2 pooling into a convolution by Winograd's algorithm.
 *
 * @param operations in an order in which they can be computed
 * @param canPool whether a convolution can pool its results to the value `pooled`
 */
export function fuse(
  operations: readonly Operation[],
  output: number,
  canPool: (convolution: Convolution, pooled: number) => boolean,
  channelsOf: (value: number) => number,
): Operation[] {
  const uses = new Map<number, number>([[output, 1]]);
  for (const input of operations.flatMap(({ inputs }) => inputs)) {
    uses.set(input, (uses.get(input) ?? 0) + 1);
  }
  const producers = new Map<number, Operation>();
  let fused: Operation[] = [];
  /** The operation that computes a value, if nothing else reads it. */
  const onlyFor = (value: number | undefined) =>
    value !== undefined && uses.get(value) === 1 ? producers.get(value) : undefined;
  for (const operation of operations) {
    const result = merge(operation, onlyFor, producers, canPool);
    // An addition moves the convolution to its own place, after both operands.
    fused = fused.filter((each) => each !== result.replaced);
    // A scale that nothing could take is an operation that can take more.
    const appended = result.operation && standAlone(result.operation);
    if (appended) fused.push(appended);
    const producer = appended ?? result.into;
    if (producer) producers.set(producer.output, producer);
  }
  const read = new Set([output, ...fused.flatMap(({ inputs }) => inputs)]);
  const needed = fused.filter((each) => read.has(each.output));
  return needed.map((each) => (each.kind === 'pad' ? copyIntoFrame(each, channelsOf) : each));
}

interface Merged {
  /** The operation to append, if any. */
  operation?: Operation;
  /** An earlier operation that now computes this one's output. */
  into?: Operation;
  /** An earlier operation to remove. */
  replaced?: Operation;
}

function merge(
  operation: Operation,
  onlyFor: (value: number | undefined) => Operation | undefined,
  producers: Map<number, Operation>,
  canPool: (convolution: Convolution, pooled: number) => boolean,
): Merged {
  const before = onlyFor(operation.inputs[0]);
  const { output } = operation;
  if (operation.kind === 'scale' && before && hasFilter(before) && isPlain(before)) {
    scaleFilter(before, operation.scale, operation.shift);
    return { into: Object.assign(before, { output }) };
  }
  if (operation.kind === 'clamp' && before && 'clamp' in before && !isPooled(before)) {
    return {
      into: Object.assign(before, { output, clamp: both(before.clamp, operation.clamp) }),
    };
  }
  if (operation.kind === 'pool' && before?.kind === 'convolution' && isSmallPool(operation)) {
    if (before.inputs.length === 1 && !before.pool && canPool(before, output)) {
      return { into: Object.assign(before, { output, pool: true }) };
    }
  }
  if (operation.kind === 'convolution' || operation.kind === 'depthwise') {
    const padding = producers.get(operation.inputs[0] as number);
    if (padding?.kind !== 'pad') return { operation };
    const [top, left] = operation.before;
    const sum = [top + padding.before[0], left + padding.before[1]] as const;
    return { operation: { ...operation, inputs: [...padding.inputs], before: sum } };
  }
  if (operation.kind === 'add' && operation.inputs.length === 2) {
    // The later operand is preferred: it is what the other one waits for.
    for (const at of [1, 0]) {
      const convolution = onlyFor(operation.inputs[at]);
      if (convolution?.kind !== 'convolution' || !isPlain(convolution)) continue;
      const addend = operation.inputs[1 - at] as number;
      const inputs = [convolution.inputs[0] as number, addend];
      const clamp = operation.clamp;
      return { operation: { ...convolution, inputs, output, clamp }, replaced: convolution };
    }
  }
  return { operation };
}

const hasFilter = (operation: Operation): operation is Convolution | Depthwise =>
  operation.kind === 'convolution' || operation.kind === 'depthwise';

const isPooled = (operation: Operation) => operation.kind === 'convolution' && operation.pool;

/** Whether nothing follows the products and the bias. */
const isPlain = (operation: Convolution | Depthwise) =>
  isUnclamped(operation.clamp) && operation.inputs.length === 1 && !isPooled(operation);

const isSmallPool = ({ kernel, stride, before, average }: Extract<Operation, { kind: 'pool' }>) =>
  !average && [...kernel, ...stride].every((size) => size === 2) && String(before) === '0,0';

const both = (first: Clamp, second: Clamp): Clamp => ({
  lowest: Math.min(Math.max(first.lowest, second.lowest), second.highest),
  highest: Math.max(Math.min(first.highest, second.highest), second.lowest),
});

function scaleFilter(
  operation: Convolution | Depthwise,
  scale: Float64Array,
  shift: Float64Array,
): void {
  operation.scale = operation.scale.map((factor, at) => factor * (scale[at] as number));
  operation.bias = operation.bias.map(
    (bias, at) => bias * (scale[at] as number) + (shift[at] as number),
  );
}

/** Returns what could not be merged as an operation that there is a kernel for. */
function standAlone(operation: Operation): Operation {
  const { inputs, output } = operation;
  if (operation.kind === 'clamp') return { ...operation, kind: 'add' };
  if (operation.kind !== 'scale') return operation;
  return pointwise(inputs, output, operation.scale, Float32Array.from(operation.shift), [0, 0]);
}

function copyIntoFrame(
  { inputs, output, before }: Extract<Operation, { kind: 'pad' }>,
  channelsOf: (value: number) => number,
): Operation {
  const channels = channelsOf(output);
  const ones = new Float64Array(channels).fill(1);
  return pointwise(inputs, output, ones, new Float32Array(channels), before);
}

/** A depthwise convolution whose windows are one pixel. */
function pointwise(
  inputs: number[],
  output: number,
  scale: Float64Array,
  bias: Float32Array,
  before: Size,
): Depthwise {
  const one = [1, 1] as const;
  const window = { kernel: one, stride: one, dilation: one, before };
  const filter = new Float32Array(scale.length).fill(1);
  return { kind: 'depthwise', inputs, output, ...window, filter, scale, bias, clamp: unclamped };
}
