/** MobileNet v1 with a quarter of the channels (Howard et al. 2017, arXiv:1704.04861), its batch normalization folded in. */
import {
  type DatasetShape,
  type LayerSpec,
  type ModelSpec,
  modelNameFor,
  modelSpecSchema,
} from './model-spec.ts';

/** A depthwise convolution of 3x3 and the pointwise one after it. */
interface Block {
  /** Channels. */
  inputs: number;
  outputs: number;
  /** 2 halves height and width. */
  strides: 1 | 2;
}

/** The blocks after the first convolution, which has stride 2 and the first block's inputs as filters. */
export const mobilenetBlocks = [
  { inputs: 8, outputs: 16, strides: 1 },
  { inputs: 16, outputs: 32, strides: 2 },
  { inputs: 32, outputs: 32, strides: 1 },
  { inputs: 32, outputs: 64, strides: 2 },
  { inputs: 64, outputs: 64, strides: 1 },
  { inputs: 64, outputs: 128, strides: 2 },
  { inputs: 128, outputs: 128, strides: 1 },
  { inputs: 128, outputs: 128, strides: 1 },
  { inputs: 128, outputs: 128, strides: 1 },
  { inputs: 128, outputs: 128, strides: 1 },
  { inputs: 128, outputs: 128, strides: 1 },
  { inputs: 128, outputs: 256, strides: 2 },
  { inputs: 256, outputs: 256, strides: 1 },
] as const satisfies readonly Block[];

const activation = 'relu6';

/** From pixels to 256 channels. At 160x160, the images between the blocks have 80, 40, 20, 10 and 5 pixels a side. */
const convolutions: readonly LayerSpec[] = [
  { type: 'conv2d', filters: mobilenetBlocks[0].inputs, kernelSize: 3, strides: 2, activation },
  ...mobilenetBlocks.flatMap(({ outputs, strides }): LayerSpec[] => [
    { type: 'depthwiseConv2d', kernelSize: 3, strides, activation },
    { type: 'conv2d', filters: outputs, kernelSize: 1, activation },
  ]),
];

/** Pixels become -1 to 1, as when the backbone was trained. */
const scale = { mean: 0.5, std: 0.5 };

/**
 * Returns MobileNet for a data set in colour, with one logit per label.
 *
 * @throws {z.ZodError} if the data set's name, size, colours or labels are invalid for it
 */
export function mobilenetFor(dataset: DatasetShape): ModelSpec {
  const { name, height, width, channels, labels, fit, background } = dataset;
  return modelSpecSchema.parse({
    name: modelNameFor(name),
    inputShape: [height, width, channels],
    layers: [
      ...convolutions,
      { type: 'globalAveragePool' }, // [5, 5, 256] -> [256]
      { type: 'dropout', rate: 0.2 },
      { type: 'dense', units: labels.length, activation: 'linear' }, // -> [labels] logits
    ],
    labels,
    preprocessing: { ...scale, fit, background },
  } satisfies { [Key in keyof ModelSpec]: unknown });
}

/** Returns whether a network is MobileNet, whatever its labels. */
export const isMobilenet = ({ layers }: Pick<ModelSpec, 'layers'>): boolean =>
  layers.length === convolutions.length + 3 &&
  JSON.stringify(layers.slice(0, convolutions.length)) === JSON.stringify(convolutions);

/** Returns the number of layers before the last `blocks` blocks of MobileNet. */
export const layersBefore = (blocks: number): number => convolutions.length - 2 * blocks;
