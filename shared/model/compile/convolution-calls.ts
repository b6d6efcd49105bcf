import type { Address } from '../../kernels/common-kernels.ts';
import type { Workspace } from '../../kernels/workspace.ts';
import { algorithmOf, type Layout, rowBytes, wholeVectors } from './layout.ts';
import {
  addImages,
  address,
  firstWindow,
  type KernelCall,
  keep,
  type Machine,
  type Place,
} from './machine.ts';
import { type Convolution, isUnclamped, type Operation, unclamped } from './operation.ts';
import { packChannels, packWindows, scaledFilter } from './pack-weights.ts';

/** Returns the calls that compute a convolution by the algorithm for its shape, with its weights packed. */
export function convolutionCalls(
  machine: Machine,
  operation: Convolution,
  input: Place,
  addend: Place | undefined,
  out: Place,
  scratch: Address,
): KernelCall[] {
  switch (algorithmOf(operation, input.layout, out.layout)) {
    case 'dense':
      return dense(machine, operation, input, out, scratch);
    case 'winograd':
      return [winograd(machine, operation, input, addend, out, scratch)];
    default:
      return [windows(machine, operation, input, addend, out, scratch)];
  }
}

function dense(
  { workspace, layers }: Machine,
  operation: Convolution,
  input: Place,
  out: Place,
  scratch: Address,
): KernelCall[] {
  const { kernels } = workspace;
  const [depth, columns] = [input.layout.channels, out.layout.channels];
  const weights = workspace.keep(kernels.denseBytes(depth, columns));
  workspace.withBlocks([4 * operation.filter.length], (source) => {
    workspace.write(scaledFilter(operation.filter, operation.scale), source);
    kernels.packDense(source, depth, depth, columns, weights);
  });
  const bias = keep(workspace, packChannels(operation.bias, 32));
  const { lowest, highest } = operation.clamp;
  const relu = lowest === 0 ? 1 : 0;
  const multiply = () =>
    kernels.denseRows(
      address(input),
      1,
      depth,
      weights,
      columns,
      bias,
      relu,
      scratch,
      address(out),
    );
  const isDone = isUnclamped({ lowest: relu ? unclamped.lowest : lowest, highest });
  return isDone
    ? [multiply]
    : [multiply, () => addImages(layers, out, undefined, out, operation.clamp)];
}

/** Bytes of a band of tiles and their products. About the first-level cache is fastest: larger bands took up to half as long again. */
const bandBytes = 65_536;

function bandOf({ pool }: Convolution, input: Layout, out: Layout) {
  const columns = pool ? out.width : Math.ceil(out.width / 2);
  const tileBytes = 64 * (input.channels + out.channels);
  const rows = Math.max(1, Math.floor(bandBytes / (columns * tileBytes)));
  return { rows, bytes: wholeVectors(rows * columns) * tileBytes };
}

function winograd(
  { workspace, layers }: Machine,
  operation: Convolution,
  input: Place,
  addend: Place | undefined,
  out: Place,
  scratch: Address,
): KernelCall {
  const [inChannels, outChannels] = [input.layout.channels, out.layout.channels];
  const filter = workspace.keep(64 * inChannels * outChannels);
  workspace.withBlocks([4 * operation.filter.length], (source) => {
    workspace.write(operation.filter, source);
    workspace.kernels.winogradFilter(source, inChannels, outChannels, filter);
  });
  const [scale, bias] = keepScaleAndBias(workspace, operation);
  const { rows } = bandOf(operation, input.layout, out.layout);
  const { clamp, pool } = operation;
  return () =>
    layers.convolveByWinograd(
      firstWindow(input, operation.before),
      rowBytes(input.layout),
      inChannels,
      out.layout.height * (pool ? 2 : 1),
      out.layout.width * (pool ? 2 : 1),
      filter,
      outChannels,
      scale,
      bias,
      addend ? address(addend) : 0,
      addend ? rowBytes(addend.layout) : 0,
      clamp.lowest,
      clamp.highest,
      pool ? 1 : 0,
      address(out),
      rowBytes(out.layout),
      rows,
      scratch,
    );
}

const keepScaleAndBias = (workspace: Workspace, { scale, bias }: Convolution) =>
  [keep(workspace, packChannels(scale, 8)), keep(workspace, packChannels(bias, 8))] as const;

/** A window's runs: pixels in a row follow each other in memory, unless the convolution is dilated. */
function runsOf({ kernel: [height, width], dilation }: Convolution, pitch: number) {
  const isWhole = dilation[1] === 1;
  const run = isWhole ? width * pitch : pitch;
  return {
    rows: height,
    taps: isWhole ? 1 : width,
    runBytes: 4 * run,
    depth: wholeVectors(height * width * pitch),
  };
}

function windows(
  { workspace, layers }: Machine,
  operation: Convolution,
  input: Place,
  addend: Place | undefined,
  out: Place,
  scratch: Address,
): KernelCall {
  const { stride, dilation, clamp } = operation;
  const { pitch } = input.layout;
  const { rows, taps, runBytes, depth } = runsOf(operation, pitch);
  const pixels = out.layout.height * out.layout.width;
  const row = rowBytes(input.layout);
  const weights = keepWindows(workspace, operation, input.layout, out.layout);
  const [scale, bias] = keepScaleAndBias(workspace, operation);
  const table = (first: Address, rowStep: number, pixelStep: number) =>
    keepTable(workspace, out.layout, first, rowStep, pixelStep);
  const start = firstWindow(input, operation.before);
  const starts = table(start, stride[0] * row, 4 * stride[1] * pitch);
  const outs = table(address(out), rowBytes(out.layout), 4 * out.layout.pitch);
  const adds = addend
    ? table(address(addend), rowBytes(addend.layout), 4 * addend.layout.pitch)
    : 0;
  return () =>
    layers.convolve(
      starts,
      outs,
      adds,
      pixels,
      rows,
      dilation[0] * row,
      taps,
      4 * dilation[1] * pitch,
      runBytes,
      depth,
      weights,
      out.layout.pitch,
      scale,
      bias,
      clamp.lowest,
      clamp.highest,
      scratch,
    );
}

/** Packs a filter as packWindows() does, in WebAssembly if it can stay as it is. */
function keepWindows(
  workspace: Workspace,
  operation: Convolution,
  { channels, pitch }: Layout,
  out: Layout,
): Address {
  const { filter } = operation;
  const { depth } = runsOf(operation, pitch);
  if (depth * out.channels !== filter.length) {
    return keep(workspace, packWindows(filter, channels, out.channels, pitch, depth));
  }
  const panelBytes = 32 * depth;
  const weights = workspace.keep(panelBytes * Math.ceil(out.channels / 8));
  workspace.withBlocks([filter.byteLength], (source) => {
    workspace.write(filter, source);
    const { packPanels } = workspace.kernels;
    packPanels(source, depth, out.channels, out.channels, 1, weights, panelBytes);
  });
  return weights;
}

function keepTable(
  workspace: Workspace,
  { height, width }: Layout,
  first: Address,
  rowStep: number,
  pixelStep: number,
): Address {
  const addresses = new Uint32Array(height * width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) addresses[y * width + x] = first + y * rowStep + x * pixelStep;
  }
  // Bytes are bytes, whatever numbers they are.
  return keep(workspace, new Float32Array(addresses.buffer));
}

/** Bytes of scratch memory that an operation's kernel takes. */
export function scratchBytes(operation: Operation, input: Layout, out: Layout): number {
  if (operation.kind !== 'convolution') return 0;
  switch (algorithmOf(operation, input, out)) {
    case 'dense':
      return 8 * (input.channels + 1);
    case 'winograd':
      return bandOf(operation, input, out).bytes;
    default: {
      const { depth } = runsOf(operation, input.pitch);
      return 4 * (4 * depth + 16) + 4 * out.pitch + 32;
    }
  }
}
