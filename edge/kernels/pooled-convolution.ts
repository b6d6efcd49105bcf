import {
  fusedConv2DConfig,
  type KernelConfig,
  type KernelFunc,
  type MathBackendCPU,
  maxPoolConfig,
  type NamedAttrMap,
  type TensorInfo,
} from '#tensorflow';
import { type PreparedConvolution, preparedConvolutions } from './prepared.ts';

/** A convolution with stride 1, padding 'same', bias and 'relu' or 'linear', then 2x2 max pooling with stride 2. */
export const pooledConvolutionName = 'CatwalkPooledConv2D';

/** Winograd tiles per pass. Fewer would leave the register tiles of the products half empty. */
const tilesPerPass = 36;

/**
 * The kernel for `pooledConvolutionName` on the cpu backend: x [N, H, W, Ci], filter, bias -> [N, H/2, W/2, Co].
 * If the filter was not prepared, it runs the backend's own FusedConv2D and MaxPool.
 */
export const pooledConvolutionKernel: KernelConfig = {
  kernelName: pooledConvolutionName,
  backendName: 'cpu',
  kernelFunc(params) {
    const { x, filter, bias } = params.inputs as Record<string, TensorInfo>;
    const prepared = filter && preparedConvolutions.get(filter.dataId);
    if (!x || !prepared) return stockPooledConvolution(params);
    const backend = params.backend as MathBackendCPU;
    const [images, height, width] = x.shape as [number, number, number, number];
    const { workspace, outChannels } = prepared;
    const outShape = [images, height >> 1, width >> 1, outChannels];
    const outLength = images * (height >> 1) * (width >> 1) * outChannels;
    const input = backend.data.get(x.dataId).values as Float32Array;
    const biasValues = bias
      ? (backend.data.get(bias.dataId).values as Float32Array)
      : new Float32Array(outChannels);
    const relu = params.attrs?.activation === 'relu' ? 1 : 0;
    const values = workspace.withBlocks(
      [4 * input.length, 4 * outChannels, 4 * outLength, scratchBytes(prepared, height, width)],
      (source, biasAt, out, scratch) => {
        workspace.write(input, source);
        workspace.write(biasValues, biasAt);
        const convolve = prepared.algorithm === 'winograd' ? winograd : direct;
        convolve(prepared, { source, images, height, width, biasAt, relu, scratch, out });
        return workspace.read(out, outLength);
      },
    );
    return backend.makeTensorInfo(outShape, 'float32', values);
  },
};

interface Call {
  source: number;
  images: number;
  height: number;
  width: number;
  biasAt: number;
  relu: number;
  scratch: number;
  out: number;
}

const imagesPerPass = (height: number, width: number) =>
  Math.max(1, Math.floor(tilesPerPass / ((height >> 1) * (width >> 1))));

function scratchBytes(prepared: PreparedConvolution, height: number, width: number): number {
  const { workspace, algorithm, inChannels, outChannels } = prepared;
  if (algorithm === 'winograd') {
    return workspace.kernels.winogradScratchBytes(
      height,
      width,
      inChannels,
      outChannels,
      imagesPerPass(height, width),
    );
  }
  return frameBytes(prepared, height, width) + 4 * height * width;
}

const frameBytes = (
  { filterHeight, filterWidth, inChannels }: PreparedConvolution,
  height: number,
  width: number,
) => 4 * (height + filterHeight - 1) * (width + filterWidth - 1) * inChannels;

function winograd(prepared: PreparedConvolution, call: Call): void {
  const { workspace, inChannels, outChannels, filter } = prepared;
  const { images, height, width, biasAt, relu, scratch } = call;
  const perPass = imagesPerPass(height, width);
  const inBytes = 4 * height * width * inChannels;
  const outBytes = 4 * (height >> 1) * (width >> 1) * outChannels;
  for (let image = 0; image < images; image += perPass) {
    workspace.kernels.winogradPooled(
      call.source + image * inBytes,
      Math.min(perPass, images - image),
      height,
      width,
      inChannels,
      filter,
      outChannels,
      biasAt,
      relu,
      scratch,
      call.out + image * outBytes,
    );
  }
}

function direct(prepared: PreparedConvolution, call: Call): void {
  const { workspace, inChannels, outChannels, filter, filterHeight, filterWidth } = prepared;
  const { images, height, width, biasAt, relu, scratch } = call;
  const frame = scratch;
  const starts = scratch + frameBytes(prepared, height, width);
  const frameHeight = height + filterHeight - 1;
  const frameWidth = width + filterWidth - 1;
  const rowBytes = 4 * frameWidth * inChannels;
  const pooled = (height >> 1) * (width >> 1);
  // Padding 'same' with stride 1: for even filters, the extra row and column are at the bottom and the right.
  const top = (filterHeight - 1) >> 1;
  const left = (filterWidth - 1) >> 1;
  const { pooledWindowStarts, padImages, multiplyRows } = workspace.kernels;
  pooledWindowStarts(frame, 1, height >> 1, width >> 1, 0, rowBytes, 4 * inChannels, starts);
  for (let image = 0; image < images; image++) {
    const source = call.source + image * 4 * height * width * inChannels;
    const out = call.out + image * 4 * pooled * outChannels;
    padImages(source, 1, height, width, inChannels, top, left, frameHeight, frameWidth, frame);
    multiplyRows(
      starts,
      4 * pooled,
      filterHeight,
      filterWidth * inChannels,
      rowBytes,
      filter,
      outChannels,
      biasAt,
      relu,
      1,
      out,
    );
  }
}

const stockPooledConvolution: KernelFunc = ({ inputs, attrs, backend }) => {
  const convolved = fusedConv2DConfig.kernelFunc({
    inputs,
    backend,
    attrs: {
      strides: [1, 1],
      pad: 'same',
      dataFormat: 'NHWC',
      dilations: [1, 1],
      activation: attrs?.activation ?? 'linear',
    } as NamedAttrMap,
  }) as TensorInfo;
  const pooled = maxPoolConfig.kernelFunc({
    inputs: { x: convolved },
    backend,
    attrs: { filterSize: [2, 2], strides: [2, 2], pad: 'valid' } as NamedAttrMap,
  });
  (backend as MathBackendCPU).disposeIntermediateTensorInfo(convolved);
  return pooled;
};
