import { createArena } from './arena.ts';
import { scratchBytes } from './convolution-calls.ts';
import { readImage, writeImage } from './image-memory.ts';
import { clearCalls, kernelCalls } from './kernel-calls.ts';
import { frameBytes, layoutsOf } from './layout.ts';
import type { KernelCall, Machine, Place } from './machine.ts';
import type { ImageShape, Operation } from './operation.ts';

/** Operations that follow each other without leaving WebAssembly's memory. */
export interface Segment {
  /** Values that come from outside, and values that others read. */
  inputs: number[];
  outputs: number[];
  /** Numbers per image of each output. */
  outputLengths: number[];
  /**
   * Computes one image.
   *
   * @param inputs [height, width, channels] of each input
   * @param outputs receive the results, one per value in `Segment.outputs`
   */
  run(inputs: Float32Array[], outputs: Float32Array[]): void;
}

/** Bytes of all values of a segment at once, with their frames. A hostile model's dilation or padding would need gigabytes. */
const maxArenaBytes = 64_000_000;

/**
 * Plans the memory of a segment and prepares the calls of its kernels. Values whose lives don't overlap share an address.
 *
 * @param outputs values that are read after the segment
 * @throws {RangeError} if its values take too much memory
 */
export function createSegment(
  machine: Machine,
  operations: readonly Operation[],
  outputs: number[],
  shapes: (value: number) => ImageShape,
): Segment {
  const computed = new Set(operations.map(({ output }) => output));
  const read = new Set(operations.flatMap(({ inputs }) => inputs));
  const inputs = Array.from(read).filter((value) => !computed.has(value));
  const layouts = layoutsOf(operations, shapes, inputs);
  const layoutOf = (value: number) => {
    const layout = layouts.get(value);
    if (layout) return layout;
    throw new RangeError(`Value ${value} has no layout.`);
  };

  const lastUses = new Map<number, number>();
  for (const [step, operation] of operations.entries()) {
    for (const value of [...operation.inputs, operation.output]) lastUses.set(value, step);
  }
  for (const value of outputs) lastUses.set(value, operations.length);
  const arena = createArena();
  const place = (value: number, now: number) => {
    const bytes = frameBytes(layoutOf(value));
    return [value, arena.place(bytes, lastUses.get(value) ?? now, now)] as const;
  };
  const offsets = new Map(inputs.map((value) => place(value, 0)));
  for (const [step, { output }] of operations.entries()) offsets.set(...place(output, step));
  if (arena.size() > maxArenaBytes) {
    throw new RangeError(
      `The images between its layers take ${arena.size()} bytes; the maximum is ${maxArenaBytes}.`,
    );
  }
  const base = machine.workspace.keep(arena.size());
  const scratch = machine.workspace.keep(
    Math.max(
      0,
      ...operations.map((each) =>
        scratchBytes(each, layoutOf(each.inputs[0] as number), layoutOf(each.output)),
      ),
    ),
  );
  const placeOf = (value: number): Place => ({
    frame: base + (offsets.get(value) as number),
    layout: layoutOf(value),
  });

  const calls: KernelCall[] = [
    ...inputs.flatMap((value) => clearCalls(machine, placeOf(value))),
    ...operations.flatMap((operation) => {
      const out = placeOf(operation.output);
      const sources = operation.inputs.map(placeOf);
      return [
        ...clearCalls(machine, out),
        ...kernelCalls(machine, operation, sources, out, scratch),
      ];
    }),
  ];
  const lengthOf = (value: number) => {
    const { height, width, channels } = shapes(value);
    return height * width * channels;
  };
  const [sources, results] = [inputs.map(placeOf), outputs.map(placeOf)];
  return {
    inputs,
    outputs,
    outputLengths: outputs.map(lengthOf),
    run(images, into) {
      const memory = machine.workspace.numbers();
      for (const [at, { frame, layout }] of sources.entries()) {
        writeImage(memory, frame, layout, images[at] as Float32Array);
      }
      for (const call of calls) call();
      for (const [at, { frame, layout }] of results.entries()) {
        readImage(memory, frame, layout, into[at] as Float32Array);
      }
    },
  };
}
