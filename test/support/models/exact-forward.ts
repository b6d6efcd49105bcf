import type * as tfl from '@tensorflow/tfjs-layers';

interface Values {
  /** Without the batch. */
  shape: number[];
  values: Float64Array;
}

type Config = Record<string, unknown>;
type Compute = (
  inputs: Values[],
  config: Config,
  weights: Weights,
  shape: number[],
) => Float64Array;
type Weights = { shape: number[]; values: ArrayLike<number> }[];

/**
 * Computes a model's output of one image layer by layer, with 64-bit floats and nothing merged: what other results are compared with.
 * It knows the layers of MobileNet and of residual networks.
 *
 * @param image [height, width, channels]
 * @throws {RangeError} if it does not know a layer
 */
export function exactForward(model: tfl.LayersModel, image: Float32Array): Float64Array {
  const known = new Map<number, Values>();
  const visit = (tensor: tfl.SymbolicTensor): Values => {
    const found = known.get(tensor.id);
    if (found) return found;
    const layer = tensor.sourceLayer;
    const shape = tensor.shape.slice(1) as number[];
    const inputs = (layer.inboundNodes[0]?.inputTensors ?? []).map(visit);
    const compute = computations[layer.getClassName()];
    if (!compute) throw new RangeError(`There is no exact ${layer.getClassName()}.`);
    const weights = layer.getWeights().map((weight) => ({
      shape: weight.shape,
      values: weight.dataSync(),
    }));
    const values = compute(inputs, layer.getConfig() as Config, weights, shape);
    known.set(tensor.id, { shape, values });
    return { shape, values };
  };
  const [input, output] = [model.inputs[0], model.outputs[0]] as [
    tfl.SymbolicTensor,
    tfl.SymbolicTensor,
  ];
  const shape = input.shape.slice(1) as number[];
  known.set(input.id, { shape, values: Float64Array.from(image) });
  return visit(output).values;
}

const clamp = (values: Float64Array, lowest: number, highest: number) =>
  values.map((value) => Math.min(highest, Math.max(lowest, value)));

const same: Compute = ([x]) => (x as Values).values;

/** Zeros before the image. */
const before = (config: Config, size: number, out: number, kernel: number, stride: number) =>
  config.padding === 'same' ? Math.max(0, (out - 1) * stride + kernel - size) >> 1 : 0;

/** Calls `visit` with the offsets of an input pixel and of a tap, for each output pixel and each tap that lies in the image. */
function forEachTap(
  [input, config, kernel, shape]: [Values, Config, readonly number[], readonly number[]],
  visit: (out: number, pixel: number, tap: number) => void,
): void {
  const [height, width] = input.shape as [number, number];
  const [kernelHeight, kernelWidth] = kernel as [number, number];
  const [outHeight, outWidth] = shape as [number, number];
  const [strideY, strideX] = (config.strides ?? [1, 1]) as [number, number];
  const top = before(config, height, outHeight, kernelHeight, strideY);
  const left = before(config, width, outWidth, kernelWidth, strideX);
  for (let y = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++) {
      for (let tap = 0; tap < kernelHeight * kernelWidth; tap++) {
        const row = y * strideY - top + Math.floor(tap / kernelWidth);
        const column = x * strideX - left + (tap % kernelWidth);
        if (row < 0 || column < 0 || row >= height || column >= width) continue;
        visit(y * outWidth + x, row * width + column, tap);
      }
    }
  }
}

const withActivation = (values: Float64Array, { activation = 'linear' }: Config) => {
  if (activation === 'linear') return values;
  if (activation === 'relu') return clamp(values, 0, Number.POSITIVE_INFINITY);
  if (activation === 'relu6') return clamp(values, 0, 6);
  throw new RangeError(`There is no exact activation ${activation}.`);
};

const multiply: Compute = ([x], config, [filter, bias], shape) => {
  const { values } = x as Values;
  const [inputs = 0, outputs = 0] = filter?.shape.slice(-2) ?? [];
  const weights = Float64Array.from(filter?.values ?? []);
  const pixels = shape.slice(0, -1).reduce((product, size) => product * size, 1);
  const sums = new Float64Array(pixels * outputs);
  const add = (out: number, pixel: number, tap: number) => {
    for (let input = 0; input < inputs; input++) {
      const value = values[pixel * inputs + input] as number;
      const from = (tap * inputs + input) * outputs;
      for (let output = 0; output < outputs; output++) {
        (sums[out * outputs + output] as number) += value * (weights[from + output] as number);
      }
    }
  };
  if (shape.length === 1) add(0, 0, 0);
  else forEachTap([x as Values, config, filter?.shape ?? [], shape], add);
  return withActivation(
    sums.map((sum, at) => sum + (bias?.values[at % outputs] ?? 0)),
    config,
  );
};

const depthwise: Compute = ([x], config, [filter, bias], shape) => {
  const { values } = x as Values;
  const channels = shape[2] as number;
  const sums = new Float64Array((shape[0] as number) * (shape[1] as number) * channels);
  forEachTap([x as Values, config, filter?.shape ?? [], shape], (out, pixel, tap) => {
    for (let channel = 0; channel < channels; channel++) {
      (sums[out * channels + channel] as number) +=
        (values[pixel * channels + channel] as number) *
        (filter?.values[tap * channels + channel] as number);
    }
  });
  return withActivation(
    sums.map((sum, at) => sum + (bias?.values[at % channels] ?? 0)),
    config,
  );
};

const normalize: Compute = ([x], { epsilon }, weights) => {
  const [gamma, beta, mean, variance] = weights.map(({ values }) => values) as [
    ArrayLike<number>,
    ArrayLike<number>,
    ArrayLike<number>,
    ArrayLike<number>,
  ];
  return (x as Values).values.map((value, at) => {
    const channel = at % gamma.length;
    const deviation = Math.sqrt((variance[channel] as number) + Number(epsilon));
    const distance = value - (mean[channel] as number);
    return (distance / deviation) * (gamma[channel] as number) + (beta[channel] as number);
  });
};

const largestOfWindow: Compute = ([x], config, _, shape) => {
  const { values } = x as Values;
  const channels = shape[2] as number;
  const [height, width] = shape as [number, number];
  const largest = new Float64Array(height * width * channels).fill(Number.NEGATIVE_INFINITY);
  forEachTap([x as Values, config, config.poolSize as number[], shape], (out, pixel) => {
    for (let channel = 0; channel < channels; channel++) {
      const at = out * channels + channel;
      largest[at] = Math.max(largest[at] as number, values[pixel * channels + channel] as number);
    }
  });
  return largest;
};

const mean: Compute = ([x], _config, _weights, [channels = 0]) => {
  const { values } = x as Values;
  const sums = new Float64Array(channels);
  for (const [at, value] of values.entries()) (sums[at % channels] as number) += value;
  return sums.map((sum) => (sum * channels) / values.length);
};

const pad: Compute = ([x], { padding }, _, shape) => {
  const { values, shape: from } = x as Values;
  const [height, width, channels] = from as [number, number, number];
  const [[top], [left]] = padding as [[number, number], [number, number]];
  const [outHeight, outWidth] = shape as [number, number];
  const padded = new Float64Array(outHeight * outWidth * channels);
  for (let row = 0; row < height; row++) {
    const line = values.subarray(row * width * channels, (row + 1) * width * channels);
    padded.set(line, ((row + top) * outWidth + left) * channels);
  }
  return padded;
};

const computations: Record<string, Compute> = {
  Conv2D: multiply,
  Dense: multiply,
  DepthwiseConv2D: depthwise,
  BatchNormalization: normalize,
  MaxPooling2D: largestOfWindow,
  GlobalAveragePooling2D: mean,
  ZeroPadding2D: pad,
  Activation: ([x], config) => withActivation((x as Values).values, config),
  ReLU: ([x], { maxValue }) =>
    clamp((x as Values).values, 0, Number(maxValue ?? Number.POSITIVE_INFINITY)),
  Add: ([a, b]) => (a as Values).values.map((value, at) => value + (b?.values[at] as number)),
  Reshape: same,
  Flatten: same,
  Dropout: same,
};
