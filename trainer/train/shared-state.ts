import type { ImageSet } from '../data/dataset.ts';
import { shareBytes } from '../data/image-set.ts';
import type { OptimizerState } from './optimizer.ts';

/** Images that the network is tested on, and its logits. */
export interface TestState {
  set: ImageSet;
  /** [image][label] */
  logits: Float32Array;
}

/** The state that all workers share. Every array is on shared memory, so passing the state to a thread copies nothing. */
export interface SharedState extends OptimizerState {
  /** The state of `waitForAll`. */
  barrier: Int32Array;
  /** See STEPS_DONE, PAUSE_REQUESTED and PAUSED. */
  progress: Int32Array;
  /** [step][worker]: each worker's part of a step's mean loss. */
  losses: Float32Array;
  /** The epoch's order of the training images. */
  order: Uint32Array;
  train: ImageSet;
  test: TestState;
  validation: TestState | null;
  /** The weights to test and publish: the parameters or their average, without batch normalization. */
  tested: Float32Array;
}

export interface SharedStateSizes {
  parameters: number;
  /** Numbers of the published network. */
  published: number;
  workers: number;
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
/** Vectors start at multiples of a cache line, so that no line holds parts of two. */
const alignment = 64;

/** Lays out the state and copies image sets to shared memory, unless they are there already. */
export function createSharedState(
  { train, test, validation }: ImageSets,
  { parameters, published, workers, steps, labels, averaged }: SharedStateSizes,
): SharedState {
  const testState = (set: ImageSet): TestState => ({
    set: shareImages(set),
    logits: sharedFloats(set.count * labels),
  });
  const { memory, nextVector } = vectorsOnMemory(3 + (averaged ? 1 : 0) + workers, parameters);
  return {
    memory,
    barrier: new Int32Array(new SharedArrayBuffer(4 * 2)),
    progress: new Int32Array(new SharedArrayBuffer(4 * 3)),
    parameters: nextVector(),
    firstMoments: nextVector(),
    secondMoments: nextVector(),
    average: averaged ? nextVector() : null,
    gradients: Array.from({ length: workers }, nextVector),
    losses: sharedFloats(steps * workers),
    order: new Uint32Array(new SharedArrayBuffer(4 * train.count)),
    train: shareImages(train),
    test: testState(test),
    validation: validation && testState(validation),
    tested: sharedFloats(published),
  };
}

/** Creates a memory for `count` vectors of `length` numbers, all 0. */
function vectorsOnMemory(count: number, length: number) {
  const stride = alignment * Math.ceil((4 * length) / alignment);
  const pages = Math.max(1, Math.ceil((count * stride) / pageBytes));
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  let next = 0;
  const nextVector = () => new Float32Array(memory.buffer, next++ * stride, length);
  return { memory, nextVector };
}

const sharedFloats = (length: number) => new Float32Array(new SharedArrayBuffer(4 * length));

const shareImages = ({ images, labels, count, file, inputs }: ImageSet): ImageSet => ({
  images: shareBytes(images),
  labels: shareBytes(labels),
  count,
  file,
  inputs,
});

/** Returns the mean loss of a step's batch. */
export function stepLoss(losses: Float32Array, step: number, workers: number): number {
  let sum = 0;
  for (let i = step * workers; i < (step + 1) * workers; i++) sum += losses[i] as number;
  return sum;
}

/** Returns part `index` of `parts` equal parts of 0..length-1. Some may be one longer. */
export function slicePart(
  length: number,
  index: number,
  parts: number,
): [from: number, to: number] {
  return [Math.ceil((length * index) / parts), Math.ceil((length * (index + 1)) / parts)];
}

// Indices of `progress`.

/** The number of finished steps of this epoch. */
export const STEPS_DONE = 0;
/** 1 if the main thread wants the workers to stop after the current step. */
export const PAUSE_REQUESTED = 1;
/** The first worker's copy of PAUSE_REQUESTED, taken at a step on which all workers agree. */
export const PAUSED = 2;

// Indices of `barrier`.
const ARRIVED = 0;
const GENERATION = 1;

/**
 * Blocks until all of `parties` threads have called it, and can be used again at once. Every thread then sees what the
 * others wrote to shared memory before.
 */
export function waitForAll(barrier: Int32Array, parties: number): void {
  const generation = Atomics.load(barrier, GENERATION);
  if (Atomics.add(barrier, ARRIVED, 1) === parties - 1) {
    Atomics.store(barrier, ARRIVED, 0);
    Atomics.add(barrier, GENERATION, 1);
    Atomics.notify(barrier, GENERATION);
    return;
  }
  while (Atomics.load(barrier, GENERATION) === generation) {
    Atomics.wait(barrier, GENERATION, generation);
  }
}
