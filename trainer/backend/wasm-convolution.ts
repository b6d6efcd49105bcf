import { backend_util, type NamedAttrMap, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { Address } from '../../shared/kernels/common-kernels.ts';
import { floatBytes, type TensorHeap } from './wasm-heap.ts';
import type { FastKernel } from './wasm-kernels.ts';
import { placeWindows, type Window, windowBytes, windowOf } from './wasm-window.ts';

type ConvInfo = backend_util.Conv2DInfo;

/** x [N, H, W, Ci] * filter [Kh, Kw, Ci, Co] -> [N, H', W', Co] */
export function conv2d(heap: TensorHeap): FastKernel {
  return ({ x, filter }, attrs) => forward(heap, x, filter, null, false, attrs);
}

/** The same with bias [Co] and ReLU in the same pass. */
export function fusedConv2d(heap: TensorHeap): FastKernel {
  return ({ x, filter, bias, preluActivationWeights }, attrs) => {
    const relu = attrs.activation === 'relu';
    if ((!relu && attrs.activation !== 'linear') || preluActivationWeights) return null;
    if (bias && util.sizeFromShape(bias.shape) !== filter?.shape[3]) return null;
    return forward(heap, x, filter, bias ?? null, relu, attrs);
  };
}

/**
 * dy [N, H', W', Co], filter [Kh, Kw, Ci, Co] -> dx [N, H, W, Ci]. With stride 1 the input's gradient is a
 * convolution of dy with the filter turned by 180 degrees and its channels swapped.
 */
export function conv2dBackpropInput(heap: TensorHeap): FastKernel {
  return ({ dy, filter }, attrs) => {
    if (!dy || !filter) return null;
    const info = convInfo(attrs.inputShape as number[], filter, attrs);
    if (!covers(info, [dy, filter]) || info.strideHeight !== 1 || info.strideWidth !== 1) {
      return null;
    }
    const { filterHeight, filterWidth, inChannels, outChannels } = info;
    const window: Window = {
      images: info.batchSize,
      height: info.outHeight,
      width: info.outWidth,
      channels: outChannels,
      padTop: filterHeight - 1 - info.padInfo.top,
      padLeft: filterWidth - 1 - info.padInfo.left,
      filterHeight,
      filterWidth,
      strideHeight: 1,
      strideWidth: 1,
      outHeight: info.inHeight,
      outWidth: info.inWidth,
    };
    if (window.padTop < 0 || window.padLeft < 0) return null;
    const taps = filterHeight * filterWidth;
    const tapBytes = floatBytes(inChannels, outChannels);
    const panelBytes = taps * outChannels * 32;
    const pack = (from: Address, to: Address) => {
      for (let tap = 0; tap < taps; tap++) {
        const turned = from + (taps - 1 - tap) * tapBytes;
        const target = to + tap * outChannels * 32;
        heap.kernels.packPanels(
          turned,
          outChannels,
          inChannels,
          1,
          outChannels,
          target,
          panelBytes,
        );
      }
    };
    return slide(heap, window, dy, filter, pack, inChannels, null, false);
  };
}

/** x [N, H, W, Ci], dy [N, H', W', Co] -> dfilter [Kh, Kw, Ci, Co] */
export function conv2dBackpropFilter(heap: TensorHeap): FastKernel {
  return ({ x, dy }, attrs) => {
    if (!x || !dy) return null;
    const filterShape = attrs.filterShape as [number, number, number, number];
    const info = convInfo(x.shape, { ...x, shape: filterShape }, attrs);
    if (!covers(info, [x, dy])) return null;
    const window = windowOf(info);
    const out = heap.allocate(filterShape);
    const columns = info.outChannels;
    heap.withScratch(
      [...windowBytes(window), heap.kernels.outerScratchBytes(columns)],
      (frame, starts, scratch) => {
        const { rows, runLength, runStride } = placeWindows(heap, window, x, frame, starts);
        const { filterHeight } = window;
        const right = heap.addressOf(dy);
        const target = heap.addressOf(out);
        heap.kernels.sumOuterProducts(
          starts,
          rows,
          filterHeight,
          runLength,
          runStride,
          right,
          columns,
          scratch,
          target,
        );
      },
    );
    return out;
  };
}

function forward(
  heap: TensorHeap,
  x: TensorInfo | undefined,
  filter: TensorInfo | undefined,
  bias: TensorInfo | null,
  relu: boolean,
  attrs: NamedAttrMap,
): TensorInfo | null {
  if (!x || !filter) return null;
  const info = convInfo(x.shape, filter, attrs);
  if (!covers(info, bias ? [x, filter, bias] : [x, filter])) return null;
  const window = windowOf(info);
  const depth = window.filterHeight * window.filterWidth * window.channels;
  const pack = (from: Address, to: Address) =>
    heap.kernels.packPanels(from, depth, info.outChannels, info.outChannels, 1, to, depth * 32);
  return slide(heap, window, x, filter, pack, info.outChannels, bias, relu);
}

/** Multiplies every window of `x` with the filter that `pack` lays out in panels. */
function slide(
  heap: TensorHeap,
  window: Window,
  x: TensorInfo,
  filter: TensorInfo,
  pack: (from: Address, to: Address) => void,
  columns: number,
  bias: TensorInfo | null,
  relu: boolean,
): TensorInfo {
  const out = heap.allocate([window.images, window.outHeight, window.outWidth, columns]);
  const depth = window.filterHeight * window.filterWidth * window.channels;
  const panelBytes = floatBytes(depth, 8 * Math.ceil(columns / 8));
  heap.withScratch([...windowBytes(window), panelBytes], (frame, starts, panels) => {
    pack(heap.addressOf(filter), panels);
    const { rows, runLength, runStride } = placeWindows(heap, window, x, frame, starts);
    heap.kernels.multiplyRows(
      starts,
      rows,
      window.filterHeight,
      runLength,
      runStride,
      panels,
      columns,
      bias ? heap.addressOf(bias) : 0,
      relu ? 1 : 0,
      0,
      heap.addressOf(out),
    );
  });
  return out;
}

function convInfo(inputShape: number[], filter: TensorInfo, attrs: NamedAttrMap): ConvInfo {
  return backend_util.computeConv2DInfo(
    inputShape as [number, number, number, number],
    filter.shape as [number, number, number, number],
    attrs.strides as [number, number],
    (attrs.dilations as [number, number] | undefined) ?? 1,
    attrs.pad as 'same' | 'valid' | number,
    attrs.dimRoundingMode as 'floor' | 'round' | 'ceil',
    false,
    backend_util.convertConv2DDataFormat((attrs.dataFormat as 'NHWC' | 'NCHW') ?? 'NHWC'),
  );
}

function covers(info: ConvInfo, tensors: TensorInfo[]): boolean {
  return (
    info.dataFormat === 'channelsLast' &&
    info.dilationHeight === 1 &&
    info.dilationWidth === 1 &&
    info.batchSize > 0 &&
    info.outHeight > 0 &&
    info.outWidth > 0 &&
    tensors.every((tensor) => tensor.dtype === 'float32')
  );
}
