import type { Convolution, Depthwise, ImageShape, Operation } from './operation.ts';

/**
 * How an image lies in memory: rows of pixels in a frame of zeros, which is the padding of the windows that read it. The channels of a
 * pixel are rounded up to whole vectors.
 */
export interface Layout extends ImageShape {
  /** Floats per pixel. */
  pitch: number;
  top: number;
  left: number;
  bottom: number;
  right: number;
}

export const rowBytes = ({ left, width, right, pitch }: Layout) =>
  4 * (left + width + right) * pitch;
const frameRows = ({ top, height, bottom }: Layout) => top + height + bottom;
export const frameBytes = (layout: Layout) => frameRows(layout) * rowBytes(layout);
/** Bytes from the frame's start to a pixel, which may lie in the border. */
export const offsetOf = (layout: Layout, row: number, column: number) =>
  (layout.top + row) * rowBytes(layout) + 4 * (layout.left + column) * layout.pitch;

export const wholeVectors = (channels: number) => 4 * Math.ceil(channels / 4);

/** Returns the shape of an image or, with one pixel, of a vector. Null for any other shape. */
export function imageShape(shape: readonly number[]): ImageShape | null {
  const [height, width, channels] = shape.length === 1 ? [1, 1, shape[0]] : shape;
  if (shape.length > 3 || !height || !width || !channels) return null;
  return { height, width, channels };
}

/**
 * Returns the layouts of all values that operations read or write.
 *
 * @param shapes by value
 * @param inputs values that come from outside
 */
export function layoutsOf(
  operations: readonly Operation[],
  shapes: (value: number) => ImageShape,
  inputs: readonly number[],
): Map<number, Layout> {
  const layouts = new Map<number, Layout>();
  const add = (value: number, pitch: number) => {
    const border = { top: 0, left: 0, bottom: 0, right: 0 };
    layouts.set(value, { ...shapes(value), pitch, ...border });
  };
  for (const value of inputs) {
    const readers = operations.filter((each) => each.inputs.includes(value));
    const { channels } = shapes(value);
    // A window of three colours has a quarter fewer numbers if they are not rounded up to vectors.
    const isExact = readers.every(
      (each) =>
        each.kind === 'convolution' && each.inputs[0] === value && !each.inputs.includes(value, 1),
    );
    add(value, isExact ? channels : wholeVectors(channels));
  }
  for (const operation of operations) {
    add(operation.output, wholeVectors(shapes(operation.output).channels));
    if (operation.kind !== 'convolution' && operation.kind !== 'depthwise') continue;
    widen(layouts.get(operation.inputs[0] as number) as Layout, operation, shapes);
  }
  return layouts;
}

/** Widens the frame of an input for the windows of an operation. */
function widen(
  layout: Layout,
  operation: Convolution | Depthwise,
  shapes: (value: number) => ImageShape,
): void {
  const { kernel, dilation, stride, before } = operation;
  const algorithm = algorithmOf(operation, layout, shapes(operation.output));
  const extent = (axis: 0 | 1) => {
    const out = axis === 0 ? 'height' : 'width';
    const size = shapes(operation.output)[out];
    // Winograd's tiles are whole.
    if (algorithm === 'winograd')
      return (
        2 * (operation.kind === 'convolution' && operation.pool ? size : Math.ceil(size / 2)) + 2
      );
    return (size - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis] + 1;
  };
  layout.top = Math.max(layout.top, before[0]);
  layout.left = Math.max(layout.left, before[1]);
  layout.bottom = Math.max(layout.bottom, extent(0) - before[0] - layout.height);
  layout.right = Math.max(layout.right, extent(1) - before[1] - layout.width);
}

type Algorithm = 'depthwise' | 'dense' | 'winograd' | 'windows';

/** @param out the result's shape, after pooling */
export function algorithmOf(
  operation: Convolution | Depthwise,
  input: ImageShape,
  out: ImageShape,
): Algorithm {
  if (operation.kind === 'depthwise') return 'depthwise';
  if (operation.pool) return 'winograd';
  const isPixel = operation.kernel.every((size) => size === 1) && out.height * out.width === 1;
  if (isPixel && input.height * input.width === 1 && operation.inputs.length === 1) return 'dense';
  return isForWinograd(operation, input, out) ? 'winograd' : 'windows';
}

/** @param out the convolution's own result, before pooling */
export function isForWinograd(
  { kernel, stride, dilation }: Convolution,
  input: ImageShape,
  out: ImageShape,
): boolean {
  const fits =
    kernel.every((size) => size === 3) &&
    [...stride, ...dilation].every((size) => size === 1) &&
    input.channels >= 16 &&
    input.channels % 4 === 0 &&
    out.channels % 8 === 0;
  // Products in groups of four: 16 per tile of 2x2 pixels against 9 per pixel. The transforms take a quarter on top.
  const tiles = wholeVectors(Math.ceil(out.height / 2) * Math.ceil(out.width / 2));
  return fits && 16 * tiles * 1.25 < 9 * wholeVectors(out.height * out.width);
}
