import type { Address } from '../../shared/kernels/common-kernels.ts';
import { type ActivationRange, unlimited } from './wasm-activation.ts';
import { floatBytes, type TensorHeap } from './wasm-heap.ts';
import type { Window } from './wasm-window.ts';

/** Returns whether the kernels of shared/kernels/assembly/winograd-large*.ts cover a convolution and are faster than products of its windows. */
export function hasLargeTiles(window: Window): boolean {
  const { filterHeight, filterWidth, strideHeight, strideWidth, padInfo } = window;
  const { inHeight, inWidth, outHeight, outWidth, inChannels, outChannels } = window;
  return (
    filterHeight === 3 &&
    filterWidth === 3 &&
    strideHeight === 1 &&
    strideWidth === 1 &&
    padInfo.top === 1 &&
    padInfo.left === 1 &&
    outHeight === inHeight &&
    outWidth === inWidth &&
    inHeight > 2 &&
    inWidth > 2 &&
    inChannels >= 16 &&
    outChannels >= 16 &&
    inChannels % 8 === 0 &&
    outChannels % 8 === 0
  );
}

export interface LargeTiles {
  x: Address;
  /** [3, 3, inChannels, outChannels] */
  filter: Address;
  bias: Address;
  range: ActivationRange;
  out: Address;
}

/** Computes a convolution for which `hasLargeTiles`. */
export function convolveByLargeTiles(
  { kernels, withScratch }: TensorHeap,
  window: Window,
  { x, filter, bias, range, out }: LargeTiles,
): void {
  const { batchSize, inHeight, inWidth, inChannels, outChannels } = window;
  const images = [batchSize, inHeight, inWidth, inChannels] as const;
  const blocks = [
    kernels.largeTilesScratchBytes(...images, outChannels),
    kernels.largeTilesFilterBytes(inChannels, outChannels),
  ];
  withScratch(blocks, (scratch, transformed) => {
    kernels.largeTilesFilter(filter, inChannels, outChannels, scratch, transformed);
    kernels.convolveByLargeTiles(
      x,
      ...images,
      transformed,
      outChannels,
      bias,
      ...range,
      scratch,
      out,
    );
  });
}

/** Computes the input gradient: a convolution of dy with the filter rotated by 180 degrees and its channels swapped. */
export function inputGradientByLargeTiles(
  heap: TensorHeap,
  window: Window,
  { dy, filter, dx }: Record<'dy' | 'filter' | 'dx', Address>,
): void {
  const { batchSize, inHeight, inWidth, inChannels, outChannels } = window;
  const { kernels, withScratch } = heap;
  const images = [batchSize, inHeight, inWidth, outChannels] as const;
  const tapBytes = floatBytes(inChannels, outChannels);
  const blocks = [
    kernels.largeTilesScratchBytes(...images, inChannels),
    kernels.largeTilesFilterBytes(inChannels, outChannels),
    9 * tapBytes,
  ];
  withScratch(blocks, (scratch, transformed, swapped) => {
    for (let tap = 0; tap < 9; tap++) {
      const source = filter + (8 - tap) * tapBytes;
      kernels.transpose(source, inChannels, outChannels, swapped + tap * tapBytes);
    }
    kernels.largeTilesFilter(swapped, outChannels, inChannels, scratch, transformed);
    const none = 0;
    kernels.convolveByLargeTiles(
      dy,
      ...images,
      transformed,
      inChannels,
      none,
      ...unlimited,
      scratch,
      dx,
    );
  });
}

/** Computes the filter gradient. */
export function filterGradientByLargeTiles(
  { kernels, withScratch }: TensorHeap,
  { batchSize, inHeight, inWidth, inChannels, outChannels }: Window,
  { x, dy, dfilter }: Record<'x' | 'dy' | 'dfilter', Address>,
): void {
  const images = [batchSize, inHeight, inWidth, inChannels] as const;
  withScratch([kernels.largeTilesScratchBytes(...images, outChannels)], (scratch) =>
    kernels.filterGradientByLargeTiles(x, ...images, dy, outChannels, scratch, dfilter),
  );
}
