import type { Operation, Size } from './operation.ts';

export type Config = Record<string, unknown>;
/** Returns the operations of a layer, null if the compiler does not know it as it is configured. */
export type Translate = (context: Context) => Operation[] | null;

export interface Context {
  config: Config;
  weights: Float32Array[];
  weightShapes: number[][];
  inputShape: number[];
  inputShapes: number[][];
  outputShape: number[];
  inputs: number[];
  output: number;
  /** Adds a value with the output's shape, or another. */
  addValue(shape?: number[]): number;
}

const pair = (value: unknown): Size => {
  const [first, second = first] = [value].flat() as number[];
  return [first ?? 1, second ?? 1];
};

/** Zeros before the image with padding 'same'. */
function before(context: Context, kernel: Size, stride: Size, dilation: Size): Size {
  if (context.config.padding !== 'same') return [0, 0];
  const along = (axis: 0 | 1) => {
    const size = (context.inputShape[axis] ?? 1) as number;
    const covered =
      (Math.ceil(size / stride[axis]) - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis] + 1;
    return Math.max(0, covered - size) >> 1;
  };
  return [along(0), along(1)];
}

/** The window of a layer, with the padding before the image. */
export function windowOf(context: Context) {
  const { config } = context;
  const kernel = pair(config.kernelSize ?? config.poolSize);
  const stride = pair(config.strides);
  const dilation = pair(config.dilationRate ?? 1);
  return { kernel, stride, dilation, before: before(context, kernel, stride, dilation) };
}

/** The window of one pixel. */
export const pointwise = {
  kernel: [1, 1],
  stride: [1, 1],
  dilation: [1, 1],
  before: [0, 0],
} as const;
