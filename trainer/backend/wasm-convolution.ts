import { backend_util, type NamedAttrMap, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { Address } from '../../shared/kernels/common-kernels.ts';
import { type ActivationRange, rangeOf, unlimited } from './wasm-activation.ts';
import { type FastKernel, floatBytes, type TensorHeap } from './wasm-heap.ts';
import {
  convolveByLargeTiles,
  filterGradientByLargeTiles,
  hasLargeTiles,
  inputGradientByLargeTiles,
} from './wasm-large-tiles.ts';
import { placeWindows, type Window, windowBytes } from './wasm-window.ts';

/** x [N, H, W, Ci] * filter [Kh, Kw, Ci, Co] -> [N, H', W', Co] */
export function conv2d(heap: TensorHeap): FastKernel {
  return ({ x, filter }, attrs) => forward(heap, { x, filter }, attrs, unlimited);
}

/** Conv2D with bias [Co] and activation. */
export function fusedConv2d(heap: TensorHeap): FastKernel {
  return ({ x, filter, bias, preluActivationWeights }, attrs) => {
    const range = rangeOf(attrs.activation);
    if (!range || preluActivationWeights) return null;
    if (bias && util.sizeFromShape(bias.shape) !== filter?.shape[3]) return null;
    return forward(heap, { x, filter, bias }, attrs, range);
  };
}

/**
 * dy [N, H', W', Co], filter [Kh, Kw, Ci, Co] -> dx [N, H, W, Ci]. With stride 1 the input's gradient is a convolution of
 * dy with the filter rotated by 180 degrees and its channels swapped.
 */
export function conv2dBackpropInput(heap: TensorHeap): FastKernel {
  return ({ dy, filter }, attrs) => {
    if (!dy || !filter) return null;
    const info = convInfo(attrs.inputShape as number[], filter, attrs);
    if (!covers(info, [dy, filter]) || info.strideHeight !== 1 || info.strideWidth !== 1) {
      return null;
    }
    if (hasLargeTiles(info)) {
      const dx = heap.allocate(attrs.inputShape as number[]);
      inputGradientByLargeTiles(heap, info, heap.addressesOf({ dy, filter, dx }));
      return dx;
    }
    const { filterHeight, filterWidth, inChannels, outChannels, padInfo } = info;
    const window: Window = {
      ...info,
      inHeight: info.outHeight,
      inWidth: info.outWidth,
      inChannels: outChannels,
      outHeight: info.inHeight,
      outWidth: info.inWidth,
      outChannels: inChannels,
      padInfo: { top: filterHeight - 1 - padInfo.top, left: filterWidth - 1 - padInfo.left },
    };
    if (window.padInfo.top < 0 || window.padInfo.left < 0) return null;
    const taps = filterHeight * filterWidth;
    const tapBytes = floatBytes(inChannels, outChannels);
    const panelBytes = taps * outChannels * 32;
    const pack = (from: Address, to: Address) => {
      for (let tap = 0; tap < taps; tap++) {
        const source = from + (taps - 1 - tap) * tapBytes;
        const target = to + tap * outChannels * 32;
        const { packPanels } = heap.kernels;
        packPanels(source, outChannels, inChannels, 1, outChannels, target, panelBytes);
      }
    };
    return slide(heap, window, { x: dy, filter }, pack);
  };
}

/** x [N, H, W, Ci], dy [N, H', W', Co] -> dfilter [Kh, Kw, Ci, Co] */
export function conv2dBackpropFilter(heap: TensorHeap): FastKernel {
  return ({ x, dy }, attrs) => {
    if (!x || !dy) return null;
    const filterShape = attrs.filterShape as [number, number, number, number];
    const info = convInfo(x.shape, { ...x, shape: filterShape }, attrs);
    if (!covers(info, [x, dy])) return null;
    const out = heap.allocate(filterShape);
    if (hasLargeTiles(info)) {
      filterGradientByLargeTiles(heap, info, heap.addressesOf({ x, dy, dfilter: out }));
      return out;
    }
    const { filterHeight, outChannels } = info;
    const blocks = [...windowBytes(info), heap.kernels.outerScratchBytes(outChannels)];
    heap.withScratch(blocks, (frame, starts, scratch) => {
      const { rows, runLength, runStride } = placeWindows(heap, info, x, frame, starts);
      heap.kernels.sumOuterProducts(
        starts,
        rows,
        filterHeight,
        runLength,
        runStride,
        heap.addressOf(dy),
        outChannels,
        scratch,
        heap.addressOf(out),
      );
    });
    return out;
  };
}

interface ForwardInputs {
  x?: TensorInfo | undefined;
  filter?: TensorInfo | undefined;
  bias?: TensorInfo | undefined;
}

function forward(
  heap: TensorHeap,
  { x, filter, bias }: ForwardInputs,
  attrs: NamedAttrMap,
  range: ActivationRange,
): TensorInfo | null {
  if (!x || !filter) return null;
  const info = convInfo(x.shape, filter, attrs);
  if (!covers(info, bias ? [x, filter, bias] : [x, filter])) return null;
  const { outChannels } = info;
  if (hasLargeTiles(info)) {
    const out = heap.allocate(info.outShape);
    const at = heap.addressesOf({ x, filter, out });
    const offset = bias ? heap.addressOf(bias) : 0;
    convolveByLargeTiles(heap, info, { ...at, bias: offset, range });
    return out;
  }
  const depth = info.filterHeight * info.filterWidth * info.inChannels;
  const pack = (from: Address, to: Address) =>
    heap.kernels.packPanels(from, depth, outChannels, outChannels, 1, to, depth * 32);
  const out = slide(heap, info, { x, filter, bias }, pack, range[0] === 0);
  if (Number.isFinite(range[1])) {
    heap.kernels.clampAbove(heap.addressOf(out), util.sizeFromShape(out.shape), range[1]);
  }
  return out;
}

/** Multiplies every window of `x` with the filter that `pack` lays out in panels. */
function slide(
  heap: TensorHeap,
  window: Window,
  { x, filter, bias }: ForwardInputs & { x: TensorInfo; filter: TensorInfo },
  pack: (from: Address, to: Address) => void,
  relu = false,
): TensorInfo {
  const { batchSize, outHeight, outWidth, outChannels, filterHeight } = window;
  const out = heap.allocate([batchSize, outHeight, outWidth, outChannels]);
  const depth = filterHeight * window.filterWidth * window.inChannels;
  const panelBytes = floatBytes(depth, 8 * Math.ceil(outChannels / 8));
  heap.withScratch([...windowBytes(window), panelBytes], (frame, starts, panels) => {
    pack(heap.addressOf(filter), panels);
    const { rows, runLength, runStride } = placeWindows(heap, window, x, frame, starts);
    heap.kernels.multiplyRows(
      starts,
      rows,
      filterHeight,
      runLength,
      runStride,
      panels,
      outChannels,
      bias ? heap.addressOf(bias) : 0,
      relu ? 1 : 0,
      0,
      heap.addressOf(out),
    );
  });
  return out;
}

function convInfo(
  inputShape: number[],
  filter: TensorInfo,
  attrs: NamedAttrMap,
): backend_util.Conv2DInfo {
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

function covers(info: backend_util.Conv2DInfo, tensors: TensorInfo[]): boolean {
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
