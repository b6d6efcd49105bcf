import type { Kernel } from './kernel.ts';
import type { ConvolutionPlan } from './network-plan.ts';
import { splitsFor, tiledProduct } from './tiled-product.ts';

/** The buffers around a convolution of a batch. */
export interface ConvolutionBuffers {
  /** The network's position in names of kernels. */
  index: number;
  batch: number;
  /** The input, [batch, height, width, channels]. */
  input: string;
  /** The pooled output, [batch, pooledHeight, pooledWidth, filters]. */
  output: string;
  /** The place of each maximum in its 2x2 window, 0..3; 4 if ReLU made it 0. As `output`. */
  places: string;
  /** The gradient of `output`. */
  outputGradient: string;
}

/** A row of a convolution's product is a pixel of its output. Four rows, one after the other, are a window of the pooling. */
const locate = ({ pooledHeight, pooledWidth }: ConvolutionPlan) => `
fn locate(row: u32) -> vec3u {
  let window = row / 4u; let place = row % 4u;
  let y = 2u * (window / ${pooledWidth}u % ${pooledHeight}u) + place / 2u;
  return vec3u(window / ${pooledHeight * pooledWidth}u, y, 2u * (window % ${pooledWidth}u) + place % 2u);
}`;

/** The input under element `tap` of the kernel [kernelSize, kernelSize, channels], centred on an output pixel. */
const inputUnder = ({ height, width, channels, kernelSize }: ConvolutionPlan) => `
fn inputUnder(at: vec3u, tap: u32) -> f32 {
  let y = i32(at.y + tap / ${kernelSize * channels}u) - ${kernelSize >> 1};
  let x = i32(at.z + tap / ${channels}u % ${kernelSize}u) - ${kernelSize >> 1};
  if (y < 0 || x < 0 || y >= ${height} || x >= ${width}) { return 0.0; }
  return input[((at.x * ${height}u + u32(y)) * ${width}u + u32(x)) * ${channels}u + tap % ${channels}u];
}`;

const tapsOf = ({ kernelSize, channels }: ConvolutionPlan) => kernelSize ** 2 * channels;
const pixelsOf = ({ pooledHeight, pooledWidth }: ConvolutionPlan, batch: number) =>
  4 * batch * pooledHeight * pooledWidth;

/** Convolution, bias, ReLU and 2x2 maximum pooling in one. Pixels outside the windows are not computed. */
export function convolve(plan: ConvolutionPlan, buffers: ConvolutionBuffers): Kernel {
  const { filters, offset } = plan;
  const taps = tapsOf(plan);
  return tiledProduct({
    name: `convolution ${buffers.index}`,
    m: pixelsOf(plan, buffers.batch),
    n: filters,
    k: taps,
    bindings: [
      { variable: 'input', buffer: buffers.input },
      { variable: 'weights', buffer: 'weights' },
      { variable: 'output', buffer: buffers.output, writes: true },
      { variable: 'places', buffer: buffers.places, element: 'u32', writes: true },
    ],
    functions: locate(plan) + inputUnder(plan),
    a: 'if (m >= M) { return 0.0; } return inputUnder(locate(m), k);',
    b: `return weights[${offset}u + k * N + n];`,
    storeFour: `
  if (first >= M) { return; }
  var best = values.x; var place = 0u;
  for (var i = 1u; i < 4u; i++) { if (values[i] > best) { best = values[i]; place = i; } }
  best += weights[${offset + taps * filters}u + column];
  if (best <= 0.0) { best = 0.0; place = 4u; }
  let at = first / 4u * N + column;
  output[at] = best; places[at] = place;`,
  });
}

/** The number of parts in which a convolution's weight gradient is summed. */
export const filterGradientSplits = (plan: ConvolutionPlan, batch: number): number =>
  splitsFor(tapsOf(plan) + 1, plan.filters, pixelsOf(plan, batch));

/**
 * The gradient of a convolution's kernel and bias, [taps + 1, filters] in each part; the bias is a tap of ones.
 *
 * @param start where the parts start in the buffer `gradients`
 */
export function filterGradient(
  plan: ConvolutionPlan,
  buffers: ConvolutionBuffers,
  start: number,
): Kernel {
  const taps = tapsOf(plan);
  return tiledProduct({
    name: `filter gradient ${buffers.index}`,
    m: taps + 1,
    n: plan.filters,
    k: pixelsOf(plan, buffers.batch),
    splits: filterGradientSplits(plan, buffers.batch),
    bindings: [
      { variable: 'input', buffer: buffers.input },
      { variable: 'outputGradient', buffer: buffers.outputGradient },
      { variable: 'places', buffer: buffers.places, element: 'u32' },
      { variable: 'gradients', buffer: 'gradients', writes: true },
    ],
    functions: locate(plan) + inputUnder(plan),
    a: `if (m < ${taps}u) { return inputUnder(locate(k), m); } return select(0.0, 1.0, m == ${taps}u);`,
    b: 'let at = k / 4u * N + n; return select(0.0, outputGradient[at], places[at] == k % 4u);',
    store: `gradients[${start}u + (split * M + row) * N + column] = value;`,
  });
}

/** The gradient of a convolution's input: the convolution of its output's gradient with the kernel turned by 180°. */
export function inputGradient(
  plan: ConvolutionPlan,
  buffers: ConvolutionBuffers,
  target: string,
): Kernel {
  const { height, width, channels, pooledHeight, pooledWidth, filters, kernelSize, offset } = plan;
  return tiledProduct({
    name: `input gradient ${buffers.index}`,
    m: buffers.batch * height * width,
    n: channels,
    k: kernelSize ** 2 * filters,
    bindings: [
      { variable: 'outputGradient', buffer: buffers.outputGradient },
      { variable: 'places', buffer: buffers.places, element: 'u32' },
      { variable: 'weights', buffer: 'weights' },
      { variable: 'target_', buffer: target, writes: true },
    ],
    functions: `
fn gradientAt(image: u32, y: i32, x: i32, filter_: u32) -> f32 {
  if (y < 0 || x < 0 || y >= ${2 * pooledHeight} || x >= ${2 * pooledWidth}) { return 0.0; }
  let at = ((image * ${pooledHeight}u + u32(y) / 2u) * ${pooledWidth}u + u32(x) / 2u) * ${filters}u + filter_;
  return select(0.0, outputGradient[at], places[at] == (u32(y) & 1u) * 2u + (u32(x) & 1u));
}`,
    a: `
  if (m >= M) { return 0.0; }
  let y = i32(m / ${width}u % ${height}u) + ${kernelSize >> 1} - i32(k / ${kernelSize * filters}u);
  let x = i32(m % ${width}u) + ${kernelSize >> 1} - i32(k / ${filters}u % ${kernelSize}u);
  return gradientAt(m / ${height * width}u, y, x, k % ${filters}u);`,
    b: `return weights[${offset}u + (k / ${filters}u * N + n) * ${filters}u + k % ${filters}u];`,
    store: 'target_[row * N + column] = value;',
  });
}
