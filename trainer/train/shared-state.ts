import type { ImageSet } from '../data/dataset.ts';
import type { WeightState } from './optimizer.ts';

/** Images that the network is tested on, and what it says to them. */
export interface TestState {
  set: ImageSet;
  /** [image][label] */
  logits: Float32Array;
}

/**
 * What all replicas work on: every array lies on a SharedArrayBuffer, so that handing the state to a worker
 * thread copies nothing.
 */
export interface SharedState extends WeightState {
  /** Holds the weights, what the optimizer keeps beside them and the gradients. */
  memory: WebAssembly.Memory;
  /** A barrier's state. */
  barrier: Int32Array;
  /** See progress.ts. */
  progress: Int32Array;
  /** One flat gradient per replica. */
  gradients: Float32Array[];
  /** [step][replica]: each replica's part of a step's mean loss. */
  losses: Float32Array;
  /** The epoch's order of the training images. */
  order: Uint32Array;
  train: ImageSet;
  test: TestState;
  validation: TestState | null;
  /** The weights to test: the parameters or their average, as they are published. */
  tested: Float32Array;
}

export interface SharedStateSizes {
  parameters: number;
  replicas: number;
  steps: number;
  labels: number;
  averaged: boolean;
}

export interface ImageSets {
  train: ImageSet;
  test: ImageSet;
  validation: ImageSet | null;
}

const pageBytes = 65_536;
/** Where a vector may begin, so that no line of a cache holds parts of two. */
const alignment = 64;

/** `count` vectors of `length` numbers, all 0, on a memory of their own. */
function vectorsOnMemory(
  count: number,
  length: number,
): { memory: WebAssembly.Memory; vectors: Float32Array[] } {
  const stride = alignment * Math.ceil((4 * length) / alignment);
  const pages = Math.max(1, Math.ceil((count * stride) / pageBytes));
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const vectors = Array.from(
    { length: count },
    (_, index) => new Float32Array(memory.buffer, index * stride, length),
  );
  return { memory, vectors };
}

/** Lays out the state; image sets that are not in shared memory yet are copied there. */
export function createSharedState(
  { train, test, validation }: ImageSets,
  { parameters, replicas, steps, labels, averaged }: SharedStateSizes,
): SharedState {
  const testState = (set: ImageSet): TestState => ({
    set: shareImages(set),
    logits: sharedFloats(set.count * labels),
  });
  const { memory, vectors } = vectorsOnMemory(3 + (averaged ? 1 : 0) + replicas, parameters);
  const nextVector = () => vectors.shift() as Float32Array;
  return {
    memory,
    barrier: new Int32Array(new SharedArrayBuffer(4 * BARRIER_LENGTH)),
    progress: new Int32Array(new SharedArrayBuffer(4 * PROGRESS_LENGTH)),
    parameters: nextVector(),
    firstMoments: nextVector(),
    secondMoments: nextVector(),
    average: averaged ? nextVector() : null,
    gradients: Array.from({ length: replicas }, nextVector),
    losses: sharedFloats(steps * replicas),
    order: new Uint32Array(new SharedArrayBuffer(4 * train.count)),
    train: shareImages(train),
    test: testState(test),
    validation: validation && testState(validation),
    tested: sharedFloats(parameters),
  };
}

const sharedFloats = (length: number) => new Float32Array(new SharedArrayBuffer(4 * length));

const shareImages = ({ images, labels, count }: ImageSet): ImageSet => ({
  images: shareBytes(images),
  labels: shareBytes(labels),
  count,
});

function shareBytes(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes;
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return shared;
}

/** The part `index` of `parts` equal ones of 0..length-1; the first ones may be one longer. */
export function slicePart(
  length: number,
  index: number,
  parts: number,
): [from: number, to: number] {
  return [Math.ceil((length * index) / parts), Math.ceil((length * (index + 1)) / parts)];
}

/** What the Int32Array `progress` of the shared state holds. */

/** Steps of this epoch that are done. */
export const STEPS_DONE = 0;
/** 1 where the main thread wants the replicas to stop after the step that they are at. */
export const PAUSE_ASKED = 1;
/** What the first replica made of it, at a step that all replicas agree on. */
export const PAUSED = 2;

/** Int32 numbers in all. */
export const PROGRESS_LENGTH = 3;

/** Where a barrier keeps its two numbers in an Int32Array on shared memory. */
const ARRIVED = 0;
const GENERATION = 1;

/** Int32 numbers that a barrier takes. */
export const BARRIER_LENGTH = 2;

/**
 * Waits until `parties` threads have called it; then all go on. It can be used again at once. What a thread
 * wrote to shared memory before is seen by all after.
 *
 * @param state BARRIER_LENGTH numbers on a SharedArrayBuffer, 0 at first
 */
export function waitForAll(state: Int32Array, parties: number): void {
  const generation = Atomics.load(state, GENERATION);
  if (Atomics.add(state, ARRIVED, 1) === parties - 1) {
    Atomics.store(state, ARRIVED, 0);
    Atomics.add(state, GENERATION, 1);
    Atomics.notify(state, GENERATION);
    return;
  }
  while (Atomics.load(state, GENERATION) === generation) {
    Atomics.wait(state, GENERATION, generation);
  }
}
