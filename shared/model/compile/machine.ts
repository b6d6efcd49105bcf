import type { Address } from '../../kernels/common-kernels.ts';
import type { LayerKernels } from '../../kernels/layer-kernels.ts';
import type { Workspace } from '../../kernels/workspace.ts';
import { type Layout, offsetOf, rowBytes } from './layout.ts';
import type { Clamp, Size } from './operation.ts';

/** One call of a kernel, with all addresses and sizes known. */
export type KernelCall = () => void;

/** The kernels, and the memory that they work in. */
export interface Machine {
  workspace: Workspace;
  layers: LayerKernels;
}

/** An image's place in memory. */
export interface Place {
  frame: Address;
  layout: Layout;
}

/** The address of an image's first pixel. */
export const address = ({ frame, layout }: Place) => frame + offsetOf(layout, 0, 0);

/** Copies numbers into memory that is never freed. */
export function keep(workspace: Workspace, values: Float32Array): Address {
  const block = workspace.keep(values.byteLength);
  workspace.write(values, block);
  return block;
}

/** The address of the first window. */
export const firstWindow = ({ frame, layout }: Place, [top, left]: Size) =>
  frame + offsetOf(layout, -top, -left);

/** out = clamp(a + b) */
export function addImages(
  layers: LayerKernels,
  a: Place,
  b: Place | undefined,
  out: Place,
  clamp: Clamp,
): void {
  layers.addImages(
    address(a),
    rowBytes(a.layout),
    b ? address(b) : 0,
    b ? rowBytes(b.layout) : 0,
    address(out),
    rowBytes(out.layout),
    out.layout.height,
    4 * out.layout.width * out.layout.pitch,
    clamp.lowest,
    clamp.highest,
  );
}
