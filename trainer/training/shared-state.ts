import type { ImageSet } from '../dataset/dataset.ts';
import { BARRIER_LENGTH } from './barrier.ts';
import { PROGRESS_LENGTH } from './progress.ts';
import type { WeightState } from './update-weights.ts';

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

/** Lays out the state; image sets that are not in shared memory yet are copied there. */
export function createSharedState(
  { train, test, validation }: ImageSets,
  { parameters, replicas, steps, labels, averaged }: SharedStateSizes,
): SharedState {
  const testState = (set: ImageSet): TestState => ({
    set: shareImages(set),
    logits: sharedFloats(set.count * labels),
  });
  return {
    barrier: new Int32Array(new SharedArrayBuffer(4 * BARRIER_LENGTH)),
    progress: new Int32Array(new SharedArrayBuffer(4 * PROGRESS_LENGTH)),
    parameters: sharedFloats(parameters),
    firstMoments: sharedFloats(parameters),
    secondMoments: sharedFloats(parameters),
    average: averaged ? sharedFloats(parameters) : null,
    gradients: Array.from({ length: replicas }, () => sharedFloats(parameters)),
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
