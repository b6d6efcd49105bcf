import type { DataId } from '#tensorflow';
import type { Address } from '../../shared/kernels/common-kernels.ts';
import type { Workspace } from '../../shared/kernels/workspace.ts';

/** A convolution's packed filter. */
export interface PreparedConvolution {
  workspace: Workspace;
  inChannels: number;
  outChannels: number;
  filterHeight: number;
  filterWidth: number;
  /** `winograd`: packed for winogradPooled. `direct`: for multiplyRows. */
  algorithm: 'winograd' | 'direct';
  filter: Address;
}

/** A dense layer's packed weights. */
export interface PreparedDense {
  workspace: Workspace;
  depth: number;
  columns: number;
  weights: Address;
}

/**
 * Packed weights by the identity of their tensor's data, which is all that a kernel receives. Entries are
 * collected with their tensors.
 */
export const preparedConvolutions = new WeakMap<DataId, PreparedConvolution>();
export const preparedDenseLayers = new WeakMap<DataId, PreparedDense>();

/** Packs a filter [height, width, inChannels, outChannels]. */
export function prepareConvolution(
  workspace: Workspace,
  dataId: DataId,
  shape: readonly number[],
  values: Float32Array,
): void {
  const [filterHeight, filterWidth, inChannels, outChannels] = shape as [
    number,
    number,
    number,
    number,
  ];
  const { kernels } = workspace;
  const depth = filterHeight * filterWidth * inChannels;
  // With few input channels, the transforms cost more than the products that they save.
  const winograd =
    filterHeight === 3 &&
    filterWidth === 3 &&
    inChannels >= 16 &&
    inChannels % 4 === 0 &&
    outChannels % 8 === 0;
  const filter = winograd
    ? workspace.keep(4 * 16 * inChannels * outChannels)
    : workspace.keep(4 * depth * 8 * Math.ceil(outChannels / 8));
  workspace.withBlocks([4 * values.length], (source) => {
    workspace.write(values, source);
    if (winograd) kernels.winogradFilter(source, inChannels, outChannels, filter);
    else kernels.packPanels(source, depth, outChannels, outChannels, 1, filter, depth * 32);
  });
  preparedConvolutions.set(dataId, {
    workspace,
    inChannels,
    outChannels,
    filterHeight,
    filterWidth,
    algorithm: winograd ? 'winograd' : 'direct',
    filter,
  });
}

/** Dense weights packed per call: 128 kB. */
const weightsPerCall = 32_768;

/** Packs weights [depth, columns]. */
export function prepareDense(
  workspace: Workspace,
  dataId: DataId,
  shape: readonly number[],
  values: Float32Array,
): void {
  const [depth, columns] = shape as [number, number];
  const { kernels } = workspace;
  const weights = workspace.keep(kernels.denseBytes(depth, columns));
  // A workspace never shrinks and fresh memory is slow, so only a few rows are copied into it at a time.
  const rowsPerCall = Math.max(1, Math.min(depth, Math.floor(weightsPerCall / columns)));
  workspace.withBlocks([4 * rowsPerCall * columns], (source) => {
    for (let row = 0; row < depth; row += rowsPerCall) {
      const rows = Math.min(rowsPerCall, depth - row);
      workspace.write(values.subarray(row * columns, (row + rows) * columns), source);
      kernels.packDense(source, rows, depth, columns, weights + 128 * row);
    }
  });
  preparedDenseLayers.set(dataId, { workspace, depth, columns, weights });
}
