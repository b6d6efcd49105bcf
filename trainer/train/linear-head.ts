import { adamDefaults } from '../../shared/model/adam.ts';
import { softmax } from '../../shared/model/predict.ts';
import { shuffle } from './image-order.ts';

/** Numbers that describe images, and their labels. */
export interface DescribedImages {
  /** [image][feature], flat. */
  features: Float32Array;
  labels: Uint8Array;
  /** The number of labels. */
  classes: number;
}

/** A dense layer's weights. */
export interface LinearHead {
  /** [features, classes] */
  kernel: Float32Array;
  bias: Float32Array;
}

/** AdamW with a cosine schedule. The strong decay suits features that are standardized. */
const settings = {
  epochs: 15,
  batchSize: 64,
  learningRate: 3e-3,
  weightDecay: 0.5,
  labelSmoothing: 0.1,
};

/**
 * Trains a dense layer on features that stay as they are, before a network is trained as a whole: from random weights, its first steps would
 * spoil pretrained layers. Takes a second for thousands of images, on one thread in plain JavaScript, with the same bits everywhere.
 *
 * @param seed determines the order of the images
 */
export function trainLinearHead(images: DescribedImages, seed: number): LinearHead {
  const { labels, classes } = images;
  const width = images.features.length / labels.length;
  const { values, means, deviations } = standardized(images.features, width);
  const weights = new Float64Array((width + 1) * classes); // [feature][class], then the bias
  const optimizer = openOptimizer(weights, width * classes);
  const { epochs, batchSize } = settings;
  const steps = Math.ceil(labels.length / batchSize);
  const order = new Uint32Array(labels.length);
  const gradient = new Float64Array(weights.length);
  for (let epoch = 0; epoch < epochs; epoch++) {
    shuffle(order, `${seed}/head/${epoch}`);
    for (let step = 0; step < steps; step++) {
      const batch = order.subarray(step * batchSize, (step + 1) * batchSize);
      gradient.fill(0);
      for (const image of batch) {
        const row = values.subarray(image * width, (image + 1) * width);
        addGradient(gradient, weights, row, labels[image] as number, classes);
      }
      for (let i = 0; i < gradient.length; i++)
        gradient[i] = (gradient[i] as number) / batch.length;
      const share = (epoch * steps + step) / (epochs * steps);
      optimizer(gradient, (settings.learningRate * (1 + Math.cos(Math.PI * share))) / 2);
    }
  }
  return unstandardized(weights, means, deviations, classes);
}

function standardized(features: Float32Array, width: number) {
  const count = features.length / width;
  const means = new Float64Array(width);
  const deviations = new Float64Array(width);
  for (const [i, value] of features.entries()) {
    means[i % width] = (means[i % width] as number) + value / count;
  }
  for (const [i, value] of features.entries()) {
    const difference = value - (means[i % width] as number);
    deviations[i % width] = (deviations[i % width] as number) + (difference * difference) / count;
  }
  // A channel that is always the same is not amplified.
  for (let i = 0; i < width; i++) deviations[i] = Math.sqrt(deviations[i] as number) + 1e-3;
  const values = features.map(
    (value, i) => (value - (means[i % width] as number)) / (deviations[i % width] as number),
  );
  return { values, means, deviations };
}

/** Adds the gradient of an image's cross-entropy with smoothed labels. */
function addGradient(
  gradient: Float64Array,
  weights: Float64Array,
  row: Float32Array,
  label: number,
  classes: number,
): void {
  const width = row.length;
  const logits = weights.slice(width * classes);
  for (let feature = 0; feature < width; feature++) {
    const value = row[feature] as number;
    for (let id = 0; id < classes; id++) {
      logits[id] = (logits[id] as number) + value * (weights[feature * classes + id] as number);
    }
  }
  const { labelSmoothing } = settings;
  const errors = softmax(logits).map(
    (probability, id) =>
      probability - labelSmoothing / classes - (id === label ? 1 - labelSmoothing : 0),
  );
  for (let feature = 0; feature <= width; feature++) {
    const value = feature === width ? 1 : (row[feature] as number);
    for (let id = 0; id < classes; id++) {
      const at = feature * classes + id;
      gradient[at] = (gradient[at] as number) + value * (errors[id] as number);
    }
  }
}

/** @param decaying the number of weights that decay, from the first */
function openOptimizer(weights: Float64Array, decaying: number) {
  const { beta1, beta2, epsilon } = adamDefaults;
  const first = new Float64Array(weights.length);
  const second = new Float64Array(weights.length);
  let step = 0;
  return (gradient: Float64Array, learningRate: number) => {
    step++;
    const [firstShare, secondShare] = [1 - beta1 ** step, 1 - beta2 ** step];
    for (let i = 0; i < weights.length; i++) {
      const slope = gradient[i] as number;
      const mean = beta1 * (first[i] as number) + (1 - beta1) * slope;
      const square = beta2 * (second[i] as number) + (1 - beta2) * slope * slope;
      first[i] = mean;
      second[i] = square;
      const kept = i < decaying ? 1 - learningRate * settings.weightDecay : 1;
      const move = mean / firstShare / (Math.sqrt(square / secondShare) + epsilon);
      weights[i] = kept * (weights[i] as number) - learningRate * move;
    }
  };
}

/** Returns the weights for features as they are. */
function unstandardized(
  weights: Float64Array,
  means: Float64Array,
  deviations: Float64Array,
  classes: number,
): LinearHead {
  const width = means.length;
  const kernel = new Float32Array(width * classes);
  const bias = Float64Array.from(weights.subarray(width * classes));
  for (let feature = 0; feature < width; feature++) {
    for (let id = 0; id < classes; id++) {
      const at = feature * classes + id;
      const weight = (weights[at] as number) / (deviations[feature] as number);
      kernel[at] = weight;
      bias[id] = (bias[id] as number) - weight * (means[feature] as number);
    }
  }
  return { kernel, bias: Float32Array.from(bias) };
}
