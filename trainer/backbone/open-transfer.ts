import type { io } from '@tensorflow/tfjs-core';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import type { FoldedSpec } from '../../shared/model/training-spec.ts';
import type { WeightType } from '../../shared/registry/manifest.ts';
import type { Dataset } from '../data/dataset.ts';
import { firstImages } from '../train/image-order.ts';
import { trainLinearHead } from '../train/linear-head.ts';
import type { Recipe } from '../train/recipe.ts';
import type { TrainOptions } from '../train/training-types.ts';
import { readStored, storeAs } from '../weights/stored-weights.ts';
import { type LayerTensor, sizeOf } from '../weights/tensor.ts';
import { computeFeatures, type FeatureOptions } from './compute-features.ts';
import { splitNetwork } from './split-network.ts';

export interface TransferOptions extends Omit<FeatureOptions, 'network' | 'weights' | 'views'> {
  /** MobileNet, as it is published. */
  spec: ModelSpec;
  dataset: Pick<Dataset, 'train' | 'test' | 'validation' | 'labels'>;
  recipe: Pick<Recipe, 'trainedBlocks' | 'views'>;
  /** Kernel and bias of each layer that has them, in order; without the last layer's, which is trained first. */
  weights: readonly LayerTensor[];
  seed: number;
  /** Trains on the first images only, this many (default: all). */
  limit?: number | undefined;
  /** The type that the weights are published in (default: float32). */
  dtype?: WeightType | undefined;
}

/** What a training of the last layers needs instead of the network and the images. */
export type Transfer = Required<Pick<TrainOptions, 'frozen' | 'initial'>> & {
  spec: FoldedSpec;
  dataset: TrainOptions['dataset'];
};

/**
 * Prepares a training of the last blocks of a network whose weights are trained already: computes the output of all layers before them
 * once, and trains a new last layer on the means of the channels.
 */
export async function openTransfer({
  spec,
  dataset,
  recipe,
  weights,
  seed,
  limit,
  dtype = 'float32',
  ...options
}: TransferOptions): Promise<Transfer> {
  const network = splitNetwork(spec, recipe.trainedBlocks);
  const frozen = rounded(weights.slice(0, 2 * network.frozen.layers.length), dtype);
  const train = firstImages(dataset.train, limit);
  const convolutions = 2 * spec.layers.findIndex(({ type }) => type === 'globalAveragePool');
  const { means, ...features } = await computeFeatures(
    { train, validation: dataset.validation ?? null, test: dataset.test },
    {
      ...options,
      network,
      views: recipe.views,
      weights: [...frozen, ...weights.slice(frozen.length, convolutions)],
    },
  );
  const initial = weights.slice(frozen.length);
  if (weights.length === convolutions) {
    const classes = dataset.labels.length;
    const described = { features: means, labels: train.labels, classes };
    const { kernel, bias } = trainLinearHead(described, seed);
    initial.push({ shape: [kernel.length / classes, classes], values: kernel });
    initial.push({ shape: [classes], values: bias });
  }
  return {
    spec: network.trained,
    dataset: features,
    initial,
    frozen: { spec, weights: frozen },
  };
}

/** Returns weights as they are after they were stored in another type, so that features are those of the published layers. */
function rounded(weights: readonly LayerTensor[], dtype: WeightType): LayerTensor[] {
  if (dtype === 'float32') return [...weights];
  const flat = new Float32Array(weights.reduce((sum, { shape }) => sum + sizeOf(shape), 0));
  const weightSpecs = weights.map(
    ({ shape }, index): io.WeightsManifestEntry => ({
      name: `${index}`,
      shape: [...shape],
      dtype: 'float32',
    }),
  );
  const weightData = new Uint8Array(
    Buffer.concat(weights.map(({ values }) => Buffer.from(Float32Array.from(values).buffer))),
  ).buffer;
  readStored(storeAs(dtype, { weightSpecs, weightData }), flat);
  let offset = 0;
  return weights.map(({ shape }) => {
    const values = flat.slice(offset, offset + sizeOf(shape));
    offset += values.length;
    return { shape, values };
  });
}
