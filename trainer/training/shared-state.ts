import type { ImageSet } from '../dataset/dataset.ts';
import type { AdamState } from './adam.ts';
import { BARRIER_LENGTH } from './barrier.ts';

/**
 * What all replicas work on: every array lies on a SharedArrayBuffer, so that handing the state to a worker
 * thread copies nothing.
 */
export interface SharedState extends AdamState {
  /** A barrier's state. */
  barrier: Int32Array;
  /** [0]: steps done in this epoch. */
  progress: Int32Array;
  /** One flat gradient per replica. */
  gradients: Float32Array[];
  /** [step][replica]: each replica's part of a step's mean loss. */
  losses: Float32Array;
  /** The epoch's order of the training images. */
  order: Uint32Array;
  train: ImageSet;
  test: ImageSet;
  /** [test image][label] */
  logits: Float32Array;
}

export interface SharedStateSizes {
  parameters: number;
  replicas: number;
  steps: number;
  labels: number;
}

/** Lays out the state; the image sets are copied to shared memory. */
export function createSharedState(
  train: ImageSet,
  test: ImageSet,
  { parameters, replicas, steps, labels }: SharedStateSizes,
): SharedState {
  return {
    barrier: new Int32Array(new SharedArrayBuffer(4 * BARRIER_LENGTH)),
    progress: new Int32Array(new SharedArrayBuffer(4)),
    parameters: sharedFloats(parameters),
    firstMoments: sharedFloats(parameters),
    secondMoments: sharedFloats(parameters),
    gradients: Array.from({ length: replicas }, () => sharedFloats(parameters)),
    losses: sharedFloats(steps * replicas),
    order: new Uint32Array(new SharedArrayBuffer(4 * train.count)),
    train: shareImages(train),
    test: shareImages(test),
    logits: sharedFloats(test.count * labels),
  };
}

const sharedFloats = (length: number) => new Float32Array(new SharedArrayBuffer(4 * length));

const shareImages = ({ images, labels, count }: ImageSet): ImageSet => ({
  images: shareBytes(images),
  labels: shareBytes(labels),
  count,
});

function shareBytes(bytes: Uint8Array): Uint8Array {
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
