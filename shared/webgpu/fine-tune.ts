import { adamDefaults, adamFactors } from '../model/adam.ts';
import type { TrainingSpec } from '../model/training-spec.ts';
import { maskSeed } from './head-kernel.ts';
import type { OpenDevice } from './open-device.ts';
import type { Inference } from './open-inference.ts';
import { openTraining, type TrainingOptions } from './open-training.ts';

/** Images as the network sees them, and the id of each one's label. */
export interface LabelledImages {
  /** height x width x channels bytes an image, one after the other. */
  pixels: Uint8Array;
  labels: Uint8Array;
}

export interface FineTuneOptions {
  spec: TrainingSpec;
  /** The weights to start from, a flat vector. */
  weights: Float32Array;
  /** The images to learn: at least one. */
  own: LabelledImages;
  /** Images that take half of every batch, so that the network keeps what it knows. There may be none. */
  rehearsal: LabelledImages;
  /** Images that are only answered, before and after. There may be none. */
  others: LabelledImages;
  steps: number;
  /** Called after a step with its number, from 1 on, and its loss. */
  onStep(step: number, loss: number): void;
  /** Asked now and then; false ends the training early. */
  continues(): boolean;
}

/** Logits, [image][label]. */
export interface Answers {
  own: Float32Array;
  others: Float32Array;
}

export interface FineTuned {
  weights: Float32Array;
  /** The mean loss of each step that was taken. */
  losses: number[];
  before: Answers;
  after: Answers;
}

/** Images per step, unless there are fewer. */
const maxBatch = 32;
/** Less than a training's 0.001: the weights are good already. */
const learningRate = 3e-4;
/** Of the dropout masks. Fixed, so that the same images give the same weights on the same GPU. */
const seed = 1;

/**
 * Trains a network further on a few images, with Adam and the kernels of the webgpu backend.
 *
 * @throws {UnsupportedError} if the kernels can't compute the network
 * @throws {GpuMemoryError} if the GPU has too little memory
 * @throws {DeviceLostError} if the GPU stops
 * @throws {RangeError} if the loss is no longer finite
 */
export async function fineTune(opened: OpenDevice, options: FineTuneOptions): Promise<FineTuned> {
  const { spec, weights, own, rehearsal, steps } = options;
  const count = own.labels.length + rehearsal.labels.length;
  const batch = Math.min(maxBatch, count);
  // An epoch of the kernels has at most as many places as there are images. Only full batches are taken.
  const stepsAtOnce = Math.floor(count / batch);
  const training = await opened.prepare(() =>
    openTraining(opened, trainingOptions(spec, own, rehearsal, batch, stepsAtOnce)),
  );
  const vectors = {
    parameters: weights.slice(),
    firstMoments: new Float32Array(weights.length),
    secondMoments: new Float32Array(weights.length),
    average: null,
  };
  training.load(vectors);
  const before = await answersOf(training.inference, weights, options);
  const losses: number[] = [];
  const record = (_: number, ofImages: Float32Array) => {
    const loss = ofImages.reduce((sum, ofImage) => sum + ofImage, 0) / ofImages.length;
    losses.push(loss);
    options.onStep(losses.length, loss);
  };
  const continues = () => losses.every(Number.isFinite) && options.continues();
  while (losses.length < steps && continues()) {
    const taken = losses.length;
    const next = Math.min(stepsAtOnce, steps - taken);
    training.startEpoch(orderOf(taken * batch, count, own.labels.length), null);
    const numbers = Array.from({ length: next }, (_, index) => ({
      first: index * batch,
      count: batch,
      mask: maskSeed(seed, taken + index),
      learningRate,
      ...adamFactors(learningRate, taken + index + 1),
      averageShare: 0,
    }));
    await training.train(0, numbers, record, continues);
  }
  if (!losses.every(Number.isFinite)) throw new RangeError('The loss is no longer finite.');
  await training.store(vectors);
  const after = await answersOf(training.inference, vectors.parameters, options);
  return { weights: vectors.parameters, losses, before, after };
}

function trainingOptions(
  spec: TrainingSpec,
  own: LabelledImages,
  rehearsal: LabelledImages,
  batch: number,
  steps: number,
): TrainingOptions {
  const { images } = joined(spec, own, rehearsal);
  const labels = new Uint8Array([...own.labels, ...rehearsal.labels]);
  const settings = {
    ...adamDefaults,
    optimizer: 'adam' as const,
    weightDecay: 0,
    averageDecay: 0,
    momentum: 0,
    labelSmoothing: 0,
    labelWeights: null,
    augmentation: null,
  };
  return { spec, batch, steps, images, labels, settings };
}

/** Joins the pixels of two groups. */
function joined({ inputShape }: TrainingSpec, first: LabelledImages, second: LabelledImages) {
  const size = inputShape[0] * inputShape[1] * inputShape[2];
  const pixels = new Uint8Array(first.pixels.length + second.pixels.length);
  pixels.set(first.pixels);
  pixels.set(second.pixels, first.pixels.length);
  const images = (from: number, end: number) => pixels.subarray(from * size, end * size);
  return { images, count: pixels.length / size };
}

async function answersOf(
  inference: Inference,
  weights: Float32Array,
  { spec, own, others }: FineTuneOptions,
): Promise<Answers> {
  inference.setWeights(weights);
  const { images, count } = joined(spec, own, others);
  const logits = await inference.logitsOf(images, count);
  const end = own.labels.length * spec.labels.length;
  return { own: logits.subarray(0, end), others: logits.subarray(end) };
}

/** The fraction of the golden ratio: its multiples spread evenly (Weyl 1916), also over images that are sorted by label. */
const golden = 0.618034;

/**
 * Returns the images of a part of the training: own ones in turn at even places, and others at odd places.
 *
 * @param start the first place of the part
 * @param count of all images, and of the places
 * @param own the number of own images, which come first
 */
function orderOf(start: number, count: number, own: number): Uint32Array {
  const rehearsal = count - own;
  return Uint32Array.from({ length: count }, (_, index) => {
    const place = start + index;
    if (rehearsal === 0) return place % own;
    const half = place >> 1;
    if (place % 2 === 0) return half % own;
    return own + Math.floor(rehearsal * ((half * golden) % 1));
  });
}
