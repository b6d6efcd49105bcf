import { type DatasetShape, modelNameFor, modelSpecSchema } from './model-spec.ts';
import { publishedSpec, type TrainingLayer, type TrainingSpec } from './training-spec.ts';

/** A 3x3 convolution with batch normalization and ReLU. */
const convolution = (filters: number): TrainingLayer[] => [
  { type: 'conv2d', filters, kernelSize: 3, activation: 'linear' },
  { type: 'batchNorm' },
];

/**
 * A small residual network (He et al. 2016, arXiv:1512.03385) for small pictures: 24 million multiplications and 467,000 parameters for
 * 32x32 pixels in colour and ten labels. It pools after ReLU. Between a convolution and its batch normalization, pooling would keep
 * the normalization from being folded: if gamma is negative, a maximum becomes a minimum.
 *
 * @returns the network as it trains, with one logit per label
 * @throws {z.ZodError} if the data set's name, size or labels are invalid for a model
 */
export function residualFor(dataset: DatasetShape): TrainingSpec {
  const { name, height, width, channels = 1, labels, fit, background } = dataset;
  const { mean, std } = dataset.scale ?? { mean: 0.5, std: 0.5 };
  const layers: TrainingLayer[] = [];
  const add = (...next: TrainingLayer[]) => layers.push(...next);
  /** Two convolutions and a shortcut around them. */
  const addPair = (filters: number) => {
    const from = layers.length - 1;
    add(...convolution(filters), ...convolution(filters), { type: 'add', from });
  };
  const pool: TrainingLayer = { type: 'maxPool2d', poolSize: 2 };
  // Its outputs need no normalization: trainer/train/whiten.ts computes filters whose outputs are uncorrelated and of variance 1.
  add({ type: 'conv2d', filters: 16, kernelSize: 3, fixed: true }); // [32, 32, 3] -> [32, 32, 16]
  add(...convolution(32), pool); // -> [16, 16, 32]
  add(...convolution(64), pool); // -> [8, 8, 64]
  addPair(64);
  add(...convolution(128), pool); // -> [4, 4, 128]
  addPair(128);
  add({ type: 'globalAveragePool' }); // -> [128]
  add({ type: 'dense', units: labels.length, activation: 'linear' }); // -> [labels] logits
  const spec: TrainingSpec = {
    name: modelNameFor(name),
    inputShape: [height, width, channels],
    layers,
    labels: [...labels],
    preprocessing: { mean, std, fit, background },
  };
  modelSpecSchema.parse(publishedSpec(spec));
  return spec;
}
