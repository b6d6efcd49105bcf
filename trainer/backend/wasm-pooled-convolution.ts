import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import type { Address } from '../../shared/kernels/common-kernels.ts';
import type { PooledConvolutionGradientInputs } from './fused-operations.ts';
import { floatBytes, type TensorHeap } from './wasm-heap.ts';

/** Winograd tiles per pass; as many as fit into the second-level cache with their products. */
const tilesPerPass = 36;
/** Pooled pixels, over several images, whose filter gradient is summed in one pass. */
const pixelsPerPass = 72;

/** The sizes of one call: x [images, height, width, inChannels], filter [3, 3, inChannels, outChannels]. */
interface Sizes {
  images: number;
  height: number;
  width: number;
  inChannels: number;
  outChannels: number;
  /** The size of an input image. */
  plane: readonly [height: number, width: number, inChannels: number];
  /** Pixels of a pooled image. */
  pooled: number;
  /** Bytes of an input image and of a pooled one. */
  inBytes: number;
  outBytes: number;
}

/**
 * Computes a 3x3 convolution with zero padding of 1, bias, ReLU and 2x2 max pooling in one pass:
 * x [N, H, W, Ci], filter [3, 3, Ci, Co], bias [Co] -> y [N, H / 2, W / 2, Co] and the position of each value in its
 * window, int32 of y's shape.
 */
export function pooledConvolution(heap: TensorHeap): KernelFunc {
  return ({ inputs }) => {
    const { x, filter, bias } = inputs as Record<'x' | 'filter' | 'bias', TensorInfo>;
    const sizes = sizesOf(x, filter);
    const { images, height, width, inChannels, outChannels } = sizes;
    const shape = [images, height >> 1, width >> 1, outChannels];
    const y = heap.allocate(shape);
    const positions = heap.allocate(shape, 'int32');
    // With fewer channels, transforming the tiles costs more than the products that it saves.
    const isWide = inChannels >= 16 && inChannels % 4 === 0 && outChannels % 8 === 0;
    const convolve = isWide ? winograd : direct;
    convolve(heap, sizes, heap.addressesOf({ x, filter, bias, y, positions }));
    return [y, positions];
  };
}

type ForwardAddresses = Record<'x' | 'filter' | 'bias' | 'y' | 'positions', Address>;

function winograd({ kernels, withScratch }: TensorHeap, sizes: Sizes, at: ForwardAddresses): void {
  const { images, height, width, inChannels, outChannels, plane, inBytes, outBytes } = sizes;
  const perPass = imagesPerPass(tilesPerPass, sizes);
  const blocks = [
    floatBytes(16, inChannels, outChannels),
    kernels.winogradScratchBytes(height, width, inChannels, outChannels, perPass),
  ];
  withScratch(blocks, (filter, scratch) => {
    kernels.winogradFilter(at.filter, inChannels, outChannels, filter);
    for (let image = 0; image < images; image += perPass) {
      kernels.winogradPooled(
        at.x + image * inBytes,
        Math.min(perPass, images - image),
        ...plane,
        filter,
        outChannels,
        at.bias,
        1,
        scratch,
        at.y + image * outBytes,
        at.positions + image * outBytes,
      );
    }
  });
}

function direct({ kernels, withScratch }: TensorHeap, sizes: Sizes, at: ForwardAddresses): void {
  const { images, height, width, inChannels, outChannels, plane, pooled } = sizes;
  const { inBytes, outBytes } = sizes;
  const border = [1, 1, height + 2, width + 2] as const;
  const depth = 9 * inChannels;
  const rowBytes = floatBytes(width + 2, inChannels);
  const blocks = [
    floatBytes(height + 2, width + 2, inChannels),
    floatBytes(4 * pooled),
    floatBytes(depth, 8 * Math.ceil(outChannels / 8)),
  ];
  withScratch(blocks, (frame, starts, panels) => {
    const pixelBytes = floatBytes(inChannels);
    kernels.packPanels(at.filter, depth, outChannels, outChannels, 1, panels, depth * 32);
    const [rows, columns] = [height >> 1, width >> 1];
    kernels.pooledWindowStarts(frame, 1, rows, columns, 0, rowBytes, pixelBytes, starts);
    for (let image = 0; image < images; image++) {
      kernels.padImages(at.x + image * inBytes, 1, ...plane, ...border, frame);
      kernels.multiplyRows(
        starts,
        4 * pooled,
        3,
        3 * inChannels,
        rowBytes,
        panels,
        outChannels,
        at.bias,
        1,
        1,
        at.y + image * outBytes,
        at.positions + image * outBytes,
      );
    }
  });
}

/**
 * Computes the gradients of filter and bias and, unless attrs.inputGradient is false, of x. Takes x and filter as above,
 * the positions as kept0, and dy of y's shape.
 */
export function pooledConvolutionGradient(heap: TensorHeap): KernelFunc {
  return ({ inputs, attrs }) => {
    const { x, filter, dy, kept0: positions } = inputs as PooledConvolutionGradientInputs;
    const sizes = sizesOf(x, filter);
    const dfilter = heap.allocate(filter.shape);
    const dbias = heap.allocate([sizes.outChannels]);
    filterGradient(heap, sizes, heap.addressesOf({ x, dy, positions, dfilter, dbias }));
    if (attrs?.inputGradient === false) return [dfilter, dbias];
    const dx = heap.allocate(x.shape);
    inputGradient(heap, sizes, heap.addressesOf({ filter, dy, positions, dx }));
    return [dfilter, dbias, dx];
  };
}

function filterGradient(
  { kernels, withScratch, clear }: TensorHeap,
  sizes: Sizes,
  at: Record<'x' | 'dy' | 'positions' | 'dfilter' | 'dbias', Address>,
): void {
  const { images, height, width, inChannels, outChannels, plane, pooled } = sizes;
  const { inBytes, outBytes } = sizes;
  const border = [1, 1, height + 2, width + 2] as const;
  const perPass = imagesPerPass(pixelsPerPass, sizes);
  const depth = 9 * inChannels;
  const blocks = [
    floatBytes(perPass, height + 2, width + 2, inChannels),
    4 * 8 * (perPass * pooled + 1),
    floatBytes(outChannels, depth),
  ];
  withScratch(blocks, (frame, lists, sums) => {
    clear(sums, floatBytes(outChannels, depth));
    clear(at.dbias, floatBytes(outChannels));
    for (let image = 0; image < images; image += perPass) {
      const count = Math.min(perPass, images - image);
      kernels.padImages(at.x + image * inBytes, count, ...plane, ...border, frame);
      kernels.addPooledFilterGradient(
        frame,
        count,
        ...plane,
        at.dy + image * outBytes,
        at.positions + image * outBytes,
        outChannels,
        lists,
        sums,
        at.dbias,
      );
    }
    kernels.transpose(sums, outChannels, depth, at.dfilter);
  });
}

function inputGradient(
  { kernels, withScratch }: TensorHeap,
  { images, height, width, inChannels, outChannels, plane }: Sizes,
  { filter, dy, positions, dx }: Record<'filter' | 'dy' | 'positions' | 'dx', Address>,
): void {
  const tapBytes = floatBytes(inChannels, outChannels);
  const scratchBytes = kernels.inputGradientScratchBytes(height, width, outChannels);
  withScratch([9 * tapBytes, scratchBytes], (transposed, scratch) => {
    for (let tap = 0; tap < 9; tap++) {
      const offset = tap * tapBytes;
      kernels.transpose(filter + offset, inChannels, outChannels, transposed + offset);
    }
    kernels.pooledInputGradient(
      dy,
      positions,
      images,
      ...plane,
      transposed,
      outChannels,
      scratch,
      dx,
    );
  });
}

const imagesPerPass = (pixels: number, { images, pooled }: Sizes) =>
  Math.max(1, Math.min(images, Math.floor(pixels / pooled)));

function sizesOf(x: TensorInfo, filter: TensorInfo): Sizes {
  const [images, height, width, inChannels] = x.shape as [number, number, number, number];
  const outChannels = filter.shape[3] as number;
  const pooled = (height >> 1) * (width >> 1);
  const inBytes = floatBytes(height, width, inChannels);
  const outBytes = floatBytes(pooled, outChannels);
  const plane = [height, width, inChannels] as const;
  return { images, height, width, inChannels, outChannels, plane, pooled, inBytes, outBytes };
}
