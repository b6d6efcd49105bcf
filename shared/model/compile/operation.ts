import type { Tensor } from '@tensorflow/tfjs-core';

/** The height, width and channels of an image. A vector is an image of one pixel. */
export interface ImageShape {
  height: number;
  width: number;
  channels: number;
}

/** The range to which results are limited, which is how ReLU and ReLU6 are computed. */
export interface Clamp {
  lowest: number;
  highest: number;
}

export const unclamped: Clamp = { lowest: -3.4028234e38, highest: 3.4028234e38 };
export const isUnclamped = ({ lowest, highest }: Clamp) =>
  lowest === unclamped.lowest && highest === unclamped.highest;

/** In the order of the numbers in assembly/curves.ts. */
export const curves = ['sigmoid', 'tanh', 'swish'] as const;
export type Curve = (typeof curves)[number];

/** Height and width. */
export type Size = readonly [number, number];

interface Common {
  inputs: number[];
  output: number;
}

interface Window {
  kernel: Size;
  stride: Size;
  dilation: Size;
  /** Rows and columns of zeros before the image. The padding after it follows from the size of the output. */
  before: Size;
}

/** Also a dense layer: a pointwise convolution of an image of one pixel. `inputs[1]`, if any, is added to the result. */
export interface Convolution extends Common, Window {
  kind: 'convolution';
  /** [height, width, inChannels, outChannels] */
  filter: Float32Array;
  /** Per channel of the output. In the filter it would round every weight. */
  scale: Float64Array;
  bias: Float32Array;
  clamp: Clamp;
  /** Whether 2x2 max pooling with stride 2 follows. Only for Winograd's algorithm. */
  pool: boolean;
}

export interface Depthwise extends Common, Window {
  kind: 'depthwise';
  /** [height, width, channels] */
  filter: Float32Array;
  scale: Float64Array;
  bias: Float32Array;
  clamp: Clamp;
}

export type Operation =
  | Convolution
  | Depthwise
  | (Common & Window & { kind: 'pool'; average: boolean })
  /** The sum of one or two images. */
  | (Common & { kind: 'add'; clamp: Clamp })
  | (Common & { kind: 'clamp'; clamp: Clamp })
  | (Common & { kind: 'scale'; scale: Float64Array; shift: Float64Array })
  | (Common & { kind: 'pad'; before: Size })
  | (Common & { kind: 'curve'; curve: Curve })
  /** The product of two images, of which the second may have one pixel. */
  | (Common & { kind: 'multiply' })
  /** The channels of all inputs, one input after the other. */
  | (Common & { kind: 'concatenate' })
  | (Common & { kind: 'reshape' })
  | (Common & { kind: 'softmax' })
  /** Whatever the compiler does not know: TensorFlow.js computes it. */
  | (Common & { kind: 'stock'; name: string; apply: (inputs: Tensor[]) => Tensor });
