import * as z from 'zod/mini';
import { activationSchema, conv2dSchema, layerSpecSchema, type ModelSpec } from './model-spec.ts';

/**
 * Normalizes each channel by its mean and variance in the batch (Ioffe & Szegedy 2015, arXiv:1502.03167). It directly follows a
 * convolution without activation, which has no bias then, and exists only while a network trains: `publishedSpec`.
 */
const batchNormSchema = z.object({
  type: z.literal('batchNorm'),
  /** (default: relu) */
  activation: z.optional(activationSchema),
});

/** A convolution whose kernel and bias stay as they are when the training starts. It is published as any other. */
const fixedConvolutionSchema = z.extend(conv2dSchema, { fixed: z.literal(true) });

/** The layers of a network as it trains. */
export const trainingLayersSchema = z.array(
  z.union([fixedConvolutionSchema, layerSpecSchema, batchNormSchema]),
);

export type TrainingLayer = z.infer<typeof trainingLayersSchema>[number];

/** A network as it trains. Its input may have any number of channels, as a part of another network has. */
export interface TrainingSpec extends Omit<ModelSpec, 'layers' | 'inputShape'> {
  inputShape: [height: number, width: number, channels: number];
  layers: TrainingLayer[];
}

/** Returns whether a layer's weights stay as they are when the training starts. */
export const isFixed = (layer: TrainingLayer | undefined): boolean =>
  layer?.type === 'conv2d' && 'fixed' in layer;

/** A network without batch normalization, as it is published. */
export interface FoldedSpec extends TrainingSpec {
  layers: ModelSpec['layers'];
}

/**
 * Returns the network as it is published: batch normalization becomes a part of the convolution before it, which gets a bias and the
 * activation. `foldWeights` in trainer/train/fold.ts computes the weights.
 *
 * @throws {RangeError} if a batch normalization can't be folded
 */
export function publishedSpec<Spec extends TrainingSpec>(
  spec: Spec,
): Omit<Spec, 'layers'> & Pick<FoldedSpec, 'layers'> {
  const layers: ModelSpec['layers'] = [];
  /** For each layer of the network that trains, its position in the published one. */
  const positions: number[] = [];
  for (const [index, layer] of spec.layers.entries()) {
    if (layer.type === 'batchNorm') {
      const before = layers.at(-1);
      const follows = spec.layers[index - 1]?.type;
      const isConvolution = follows === 'conv2d' || follows === 'depthwiseConv2d';
      const isRead = spec.layers.some((other) => other.type === 'add' && other.from === index - 1);
      if (!isConvolution || !before || !('activation' in before) || isRead) {
        throw new RangeError(
          `Layer ${index}, a batch normalization, needs a convolution before it that no other layer reads.`,
        );
      }
      if (before.activation !== 'linear') {
        throw new RangeError(
          `Layer ${index - 1} needs the activation linear, as a batch normalization follows it.`,
        );
      }
      layers[layers.length - 1] = {
        ...before,
        activation: layer.activation ?? 'relu',
      } as typeof before;
    } else if (layer.type === 'add') {
      layers.push({ ...layer, from: positions[layer.from] as number });
    } else if (layer.type === 'conv2d' && 'fixed' in layer) {
      const { fixed, ...published } = layer;
      layers.push(published);
    } else {
      layers.push(layer);
    }
    positions.push(layers.length - 1);
  }
  return { ...spec, layers };
}
