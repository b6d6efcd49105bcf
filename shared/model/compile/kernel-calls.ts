import type { Address } from '../../kernels/common-kernels.ts';
import { softmax } from '../predict.ts';
import { convolutionCalls } from './convolution-calls.ts';
import { readImage, writeImage } from './image-memory.ts';
import { frameBytes, rowBytes } from './layout.ts';
import {
  addImages,
  address,
  firstWindow,
  type KernelCall,
  keep,
  type Machine,
  type Place,
} from './machine.ts';
import { curves, type Depthwise, type Operation } from './operation.ts';
import { packChannels, packDepthwise } from './pack-weights.ts';

/**
 * Returns the calls that compute an operation. Its weights are packed into memory that is kept.
 *
 * @param places of the inputs and the output
 * @param scratch of scratchBytes()
 */
export function kernelCalls(
  machine: Machine,
  operation: Operation,
  places: Place[],
  out: Place,
  scratch: Address,
): KernelCall[] {
  const [input, addend] = places;
  if (!input) throw new RangeError(`An operation of the kind ${operation.kind} has no input.`);
  const { workspace, layers } = machine;
  switch (operation.kind) {
    case 'convolution':
      return convolutionCalls(machine, operation, input, addend, out, scratch);
    case 'depthwise':
      return [depthwise(machine, operation, input, out)];
    case 'pool': {
      const [windowHeight, windowWidth] = operation.kernel;
      return [
        () =>
          layers.poolWindows(
            address(input),
            rowBytes(input.layout),
            input.layout.pitch,
            input.layout.height,
            input.layout.width,
            windowHeight,
            windowWidth,
            ...operation.stride,
            ...operation.before,
            out.layout.height,
            out.layout.width,
            address(out),
            rowBytes(out.layout),
            operation.average ? 1 : 0,
          ),
      ];
    }
    case 'add':
      return [() => addImages(layers, input, addend, out, operation.clamp)];
    case 'curve': {
      const curve = curves.indexOf(operation.curve);
      const { height, width, pitch } = out.layout;
      return [
        () =>
          layers.applyCurve(
            address(input),
            rowBytes(input.layout),
            address(out),
            rowBytes(out.layout),
            height,
            4 * width * pitch,
            curve,
          ),
      ];
    }
    case 'multiply':
      return [multiply(machine, input, addend as Place, out)];
    case 'concatenate':
      return concatenate(machine, places, out);
    case 'reshape': {
      const { height, width, channels } = input.layout;
      const values = new Float32Array(height * width * channels);
      return [
        () => {
          const memory = workspace.numbers();
          readImage(memory, input.frame, input.layout, values);
          writeImage(memory, out.frame, out.layout, values);
        },
      ];
    }
    case 'softmax': {
      const values = new Float32Array(input.layout.channels);
      return [
        () => {
          const memory = workspace.numbers();
          readImage(memory, input.frame, input.layout, values);
          writeImage(memory, out.frame, out.layout, Float32Array.from(softmax(values)));
        },
      ];
    }
    default:
      throw new RangeError(`There is no kernel for an operation of the kind ${operation.kind}.`);
  }
}

function depthwise(
  { workspace, layers }: Machine,
  operation: Depthwise,
  input: Place,
  out: Place,
): KernelCall {
  const { pitch } = input.layout;
  const weights = keep(workspace, packDepthwise(operation.filter, operation.bias.length, pitch));
  const [scale, bias] = [operation.scale, operation.bias].map((values) =>
    keep(workspace, packChannels(values, 4)),
  ) as [Address, Address];
  const [row, pixel] = [rowBytes(input.layout), 4 * pitch];
  const { kernel, stride, dilation, clamp } = operation;
  return () =>
    layers.depthwise(
      firstWindow(input, operation.before),
      stride[0] * row,
      stride[1] * pixel,
      dilation[0] * row,
      dilation[1] * pixel,
      ...kernel,
      weights,
      scale,
      bias,
      pitch,
      out.layout.height,
      out.layout.width,
      address(out),
      rowBytes(out.layout),
      clamp.lowest,
      clamp.highest,
    );
}

/** @param factor has as many pixels, or one */
function multiply({ layers }: Machine, input: Place, factor: Place, out: Place): KernelCall {
  const isOne = factor.layout.height * factor.layout.width === 1;
  const { height, width, pitch } = out.layout;
  return () =>
    layers.multiplyImages(
      address(input),
      rowBytes(input.layout),
      address(factor),
      isOne ? 0 : rowBytes(factor.layout),
      isOne ? 0 : 4 * pitch,
      address(out),
      rowBytes(out.layout),
      height,
      width,
      4 * pitch,
    );
}

function concatenate({ layers }: Machine, inputs: Place[], out: Place): KernelCall[] {
  const { height, width, channels, pitch } = out.layout;
  let before = 0;
  return inputs.map((input) => {
    const from = before;
    before += input.layout.channels;
    const zeros = before === channels ? pitch - channels : 0;
    return () =>
      layers.copyChannels(
        address(input),
        rowBytes(input.layout),
        4 * input.layout.pitch,
        address(out) + 4 * from,
        rowBytes(out.layout),
        4 * pitch,
        height,
        width,
        input.layout.channels,
        zeros,
      );
  });
}

/** Returns the call that clears the border of a frame, if it has one. */
export function clearCalls({ layers }: Machine, { frame, layout }: Place): KernelCall[] {
  const { top, bottom, left, right, pitch } = layout;
  if (top + bottom + left + right === 0) return [];
  const row = rowBytes(layout);
  const rows = frameBytes(layout) / row;
  return [
    () => layers.clearBorder(frame, rows, row, top, bottom, 4 * left * pitch, 4 * right * pitch),
  ];
}
