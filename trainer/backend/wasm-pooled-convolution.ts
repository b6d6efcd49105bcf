import type { NamedTensorInfoMap, TensorInfo } from '@tensorflow/tfjs-core';
import type { Address } from '../../shared/kernels/common-kernels.ts';
import type { PooledConvolutionGradientInputs } from './pooled-convolution.ts';
import { floatBytes, type TensorHeap } from './wasm-heap.ts';

/** Winograd's tiles that go through the network's second-level cache together. */
const tilesAPass = 36;
/** Pooled pixels, over several images, that a list of a filter's gradient holds at most. */
const pixelsAPass = 72;

/** The sizes of one call: x [images, height, width, inChannels], filter [3, 3, inChannels, outChannels]. */
interface Sizes {
  images: number;
  height: number;
  width: number;
  inChannels: number;
  outChannels: number;
}

/**
 * 3x3 convolution with zero padding of 1, bias, ReLU and 2x2 maximum pooling in one pass:
 * x [N, H, W, Ci], filter [3, 3, Ci, Co], bias [Co] -> y [N, H / 2, W / 2, Co], and where in its window each value stood,
 * int32 of y's shape.
 */
export function pooledConvolution(heap: TensorHeap) {
  return (inputs: NamedTensorInfoMap): TensorInfo[] => {
    const { x, filter, bias } = inputs as Record<'x' | 'filter' | 'bias', TensorInfo>;
    const sizes = sizesOf(x, filter);
    const { images, height, width, inChannels, outChannels } = sizes;
    const shape = [images, height >> 1, width >> 1, outChannels];
    const y = heap.allocate(shape);
    const positions = heap.allocate(shape, 'int32');
    const call: ForwardCall = {
      x: heap.addressOf(x),
      filter: heap.addressOf(filter),
      bias: heap.addressOf(bias),
      y: heap.addressOf(y),
      positions: heap.addressOf(positions),
    };
    // With fewer channels the transformations of the tiles cost more than the products that they spare.
    if (inChannels >= 16 && inChannels % 4 === 0 && outChannels % 8 === 0) {
      winograd(heap, sizes, call);
    } else {
      direct(heap, sizes, call);
    }
    return [y, positions];
  };
}

interface ForwardCall {
  x: Address;
  filter: Address;
  bias: Address;
  y: Address;
  positions: Address;
}

function winograd(heap: TensorHeap, sizes: Sizes, call: ForwardCall): void {
  const { images, height, width, inChannels, outChannels } = sizes;
  const { kernels } = heap;
  const atOnce = imagesAPass(tilesAPass, sizes);
  const inBytes = floatBytes(height, width, inChannels);
  const outBytes = floatBytes(height >> 1, width >> 1, outChannels);
  heap.withScratch(
    [
      floatBytes(16, inChannels, outChannels),
      kernels.winogradScratchBytes(height, width, inChannels, outChannels, atOnce),
    ],
    (filter, scratch) => {
      kernels.winogradFilter(call.filter, inChannels, outChannels, filter);
      for (let image = 0; image < images; image += atOnce) {
        kernels.winogradPooled(
          call.x + image * inBytes,
          Math.min(atOnce, images - image),
          height,
          width,
          inChannels,
          filter,
          outChannels,
          call.bias,
          1,
          scratch,
          call.y + image * outBytes,
          call.positions + image * outBytes,
        );
      }
    },
  );
}

function direct(heap: TensorHeap, sizes: Sizes, call: ForwardCall): void {
  const { images, height, width, inChannels, outChannels } = sizes;
  const { kernels } = heap;
  const depth = 9 * inChannels;
  const pooled = (height >> 1) * (width >> 1);
  const rowBytes = floatBytes(width + 2, inChannels);
  const outBytes = floatBytes(pooled, outChannels);
  heap.withScratch(
    [
      floatBytes(height + 2, width + 2, inChannels),
      floatBytes(4 * pooled),
      floatBytes(depth, 8 * Math.ceil(outChannels / 8)),
    ],
    (frame, starts, panels) => {
      kernels.packPanels(call.filter, depth, outChannels, outChannels, 1, panels, depth * 32);
      const pixelBytes = floatBytes(inChannels);
      kernels.pooledWindowStarts(
        frame,
        1,
        height >> 1,
        width >> 1,
        0,
        rowBytes,
        pixelBytes,
        starts,
      );
      for (let image = 0; image < images; image++) {
        const source = call.x + image * floatBytes(height, width, inChannels);
        padImages(heap, source, { ...sizes, images: 1 }, frame);
        kernels.multiplyRows(
          starts,
          4 * pooled,
          3,
          3 * inChannels,
          rowBytes,
          panels,
          outChannels,
          call.bias,
          1,
          1,
          call.y + image * outBytes,
          call.positions + image * outBytes,
        );
      }
    },
  );
}

/**
 * x and filter as above, kept0: the positions, dy of y's shape -> the gradients of filter and bias and, unless
 * attrs.inputGradient is false, of x.
 */
export function pooledConvolutionGradient(heap: TensorHeap) {
  return (inputs: NamedTensorInfoMap, attrs: { inputGradient?: unknown }): TensorInfo[] => {
    const { x, filter, dy, kept0: positions } = inputs as PooledConvolutionGradientInputs;
    const sizes = sizesOf(x, filter);
    const call = { dy: heap.addressOf(dy), positions: heap.addressOf(positions) };
    const dfilter = heap.allocate(filter.shape);
    const dbias = heap.allocate([sizes.outChannels]);
    filterGradient(heap, sizes, {
      ...call,
      x: heap.addressOf(x),
      dfilter: heap.addressOf(dfilter),
      dbias: heap.addressOf(dbias),
    });
    if (attrs.inputGradient === false) return [dfilter, dbias];
    const dx = heap.allocate(x.shape);
    const addresses = { filter: heap.addressOf(filter), dx: heap.addressOf(dx) };
    inputGradient(heap, sizes, { ...call, ...addresses });
    return [dfilter, dbias, dx];
  };
}

interface GradientCall {
  dy: Address;
  positions: Address;
}

function filterGradient(
  heap: TensorHeap,
  sizes: Sizes,
  call: GradientCall & { x: Address; dfilter: Address; dbias: Address },
): void {
  const { images, height, width, inChannels, outChannels } = sizes;
  const { kernels } = heap;
  const atOnce = imagesAPass(pixelsAPass, sizes);
  const inBytes = floatBytes(height, width, inChannels);
  const pooled = (height >> 1) * (width >> 1);
  const depth = 9 * inChannels;
  heap.withScratch(
    [
      floatBytes(atOnce, height + 2, width + 2, inChannels),
      4 * 8 * (atOnce * pooled + 1),
      floatBytes(outChannels, depth),
    ],
    (frame, lists, sums) => {
      heap.clear(sums, floatBytes(outChannels, depth));
      heap.clear(call.dbias, floatBytes(outChannels));
      for (let image = 0; image < images; image += atOnce) {
        const count = Math.min(atOnce, images - image);
        padImages(heap, call.x + image * inBytes, { ...sizes, images: count }, frame);
        const offset = image * floatBytes(pooled, outChannels);
        kernels.addPooledFilterGradient(
          frame,
          count,
          height,
          width,
          inChannels,
          call.dy + offset,
          call.positions + offset,
          outChannels,
          lists,
          sums,
          call.dbias,
        );
      }
      kernels.transpose(sums, outChannels, depth, call.dfilter);
    },
  );
}

function inputGradient(
  heap: TensorHeap,
  sizes: Sizes,
  call: GradientCall & { filter: Address; dx: Address },
): void {
  const { images, height, width, inChannels, outChannels } = sizes;
  const { kernels } = heap;
  const tapBytes = floatBytes(inChannels, outChannels);
  heap.withScratch(
    [9 * tapBytes, kernels.inputGradientScratchBytes(height, width, outChannels)],
    (turned, scratch) => {
      for (let tap = 0; tap < 9; tap++) {
        const from = call.filter + tap * tapBytes;
        kernels.transpose(from, inChannels, outChannels, turned + tap * tapBytes);
      }
      kernels.pooledInputGradient(
        call.dy,
        call.positions,
        images,
        height,
        width,
        inChannels,
        turned,
        outChannels,
        scratch,
        call.dx,
      );
    },
  );
}

function padImages(heap: TensorHeap, source: Address, sizes: Sizes, frame: Address): void {
  const { images, height, width, inChannels } = sizes;
  heap.kernels.padImages(
    source,
    images,
    height,
    width,
    inChannels,
    1,
    1,
    height + 2,
    width + 2,
    frame,
  );
}

const imagesAPass = (pixels: number, { images, height, width }: Sizes) =>
  Math.max(1, Math.min(images, Math.floor(pixels / ((height >> 1) * (width >> 1)))));

function sizesOf(x: TensorInfo, filter: TensorInfo): Sizes {
  const [images, height, width, inChannels] = x.shape as [number, number, number, number];
  return { images, height, width, inChannels, outChannels: filter.shape[3] as number };
}
