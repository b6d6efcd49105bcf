import * as z from 'zod/mini';
import { modelNameSchema } from './names.ts';

const size = z.int().check(z.positive(), z.maximum(4096));
const channels = z.union([z.literal(1), z.literal(3)]);
/** One number for all channels, or one for each. */
const perChannel = (value: z.ZodMiniNumber) => z.union([value, z.tuple([value, value, value])]);

export const activationSchema = z.enum(['relu', 'relu6', 'linear']);
/** How a convolution moves (default: 1), and what follows it (default: relu). Its padding is TensorFlow's `same`. */
const convolution = {
  kernelSize: size,
  strides: z.optional(size),
  activation: z.optional(activationSchema),
};

export const conv2dSchema = z.object({ type: z.literal('conv2d'), filters: size, ...convolution });

/** The input of a layer is the output of the one before it. */
export const layerSpecSchema = z.discriminatedUnion('type', [
  conv2dSchema,
  z.object({ type: z.literal('depthwiseConv2d'), ...convolution }),
  /** Adds the output of an earlier layer, `from`; no activation by default. */
  z.object({
    type: z.literal('add'),
    from: z.int().check(z.nonnegative()),
    activation: z.optional(activationSchema),
  }),
  z.object({ type: z.literal('maxPool2d'), poolSize: size }),
  z.object({ type: z.literal('globalAveragePool') }),
  z.object({ type: z.literal('flatten') }),
  z.object({ type: z.literal('dense'), units: size, activation: z.enum(['relu', 'linear']) }),
  z.object({ type: z.literal('dropout'), rate: z.number().check(z.minimum(0), z.lt(1)) }),
]);

/**
 * How a picture of other proportions fits into the network's input: `contain` shows all of it, on the colour of its border; `cover` cuts
 * off what is too long; `stretch` distorts it.
 */
export const fitSchema = z.enum(['contain', 'cover', 'stretch']);

/**
 * How a photo's background becomes the data set's. `isolate` finds the garment, trims and centres it and lays it on black; `invert` keeps
 * the whole picture and swaps light and dark if its border is light; `keep` changes nothing.
 */
const backgroundSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('isolate'),
    /** The grey level, 0..255, that the garment's mean is shifted to (default: not shifted). */
    mean: z.optional(z.number().check(z.minimum(0), z.maximum(255))),
  }),
  z.object({ kind: z.literal('invert') }),
  z.object({ kind: z.literal('keep') }),
]);

/**
 * The description of a model without its weights: architecture, input shape, labels and preprocessing.
 * The trainer writes it into every manifest; trainer and Worker build the model from it.
 */
export const modelSpecSchema = z
  .object({
    name: modelNameSchema,
    /** Height, width and channels of one image: 1 for grey, 3 for red, green and blue. */
    inputShape: z.tuple([size, size, channels]),
    layers: z.array(layerSpecSchema).check(z.minLength(1)),
    /** One name per label. A label's id is its position. */
    labels: z.array(z.string().check(z.minLength(1))).check(z.minLength(2)),
    preprocessing: z.object({
      /** A value p in 0..255 becomes `(p / 255 - mean) / std`. */
      mean: perChannel(z.number()),
      std: perChannel(z.number().check(z.positive())),
      /** Decided for the whole data set, at training. Versions of an older trainer lack both: see `inputOptionsFor`. */
      fit: z.optional(fitSchema),
      background: z.optional(backgroundSchema),
    }),
  })
  .check(
    z.refine(
      ({ inputShape, preprocessing: { mean, std } }) =>
        inputShape[2] === 3 || !(Array.isArray(mean) || Array.isArray(std)),
    ),
    z.refine(({ layers }) =>
      layers.every((layer, index) => layer.type !== 'add' || layer.from < index),
    ),
  );

export type ModelSpec = z.infer<typeof modelSpecSchema>;
export type Fit = z.infer<typeof fitSchema>;
export type Background = z.infer<typeof backgroundSchema>;
export type LayerSpec = z.infer<typeof layerSpecSchema>;
export type Activation = z.infer<typeof activationSchema>;
/** 1 for grey, 3 for red, green and blue. */
export type Channels = z.infer<typeof channels>;
export type Scale = Pick<ModelSpec['preprocessing'], 'mean' | 'std'>;

/** The properties of a data set that decide a network's input and output. */
export interface DatasetShape {
  name: string;
  /** The size of one image in pixels. */
  height: number;
  width: number;
  /** (default: 1) */
  channels?: Channels | undefined;
  /** One name per label. A label's id is its position. */
  labels: readonly string[];
  /** How pictures become inputs of its networks. */
  fit: Fit;
  background: Background;
  /** How values become inputs (default: mean and std 0.5). */
  scale?: Scale | undefined;
}

/** Returns the name of a data set's model. */
export const modelNameFor = (dataset: string): string => `${dataset}-cnn`;

/** The networks that `networkFor` knows. */
export const networkNames = ['tutorial', 'wide', 'mobilenet', 'residual'] as const;
export type NetworkName = (typeof networkNames)[number];

/** A Worker loads 32 MiB of weights. The network for 95 pixels in colour has that much: its dense layer grows with the area. */
const maxTutorialSide = 95;

/** The images are too large for the network. */
export class NetworkTooLargeError extends Error {
  override name = 'NetworkTooLargeError';
}

/**
 * Returns the CNN of PyTorch's tutorial for a data set, with one logit per label. `wide` has twice the channels and units.
 *
 * @throws {z.ZodError} if the data set's name, size or labels are invalid for a model
 * @throws {NetworkTooLargeError} if a Worker could not load the tutorial's network for this size
 */
export function cnnFor(
  dataset: DatasetShape,
  network: Extract<NetworkName, 'tutorial' | 'wide'> = 'tutorial',
): ModelSpec {
  const { name, height, width, channels = 1, labels, fit, background } = dataset;
  if ((height >> 3) * (width >> 3) > (maxTutorialSide >> 3) ** 2) {
    throw new NetworkTooLargeError(
      `The tutorial's network takes images of up to ${maxTutorialSide}x${maxTutorialSide} pixels; for ${width}x${height} it would have more weights than the 32 MiB that a Worker loads. For a folder of images, use a --size of at most ${maxTutorialSide}.`,
    );
  }
  const { mean, std } = dataset.scale ?? { mean: 0.5, std: 0.5 };
  const times = network === 'wide' ? 2 : 1;
  return modelSpecSchema.parse({
    name: modelNameFor(name),
    inputShape: [height, width, channels],
    layers: [
      { type: 'conv2d', filters: 32 * times, kernelSize: 3 }, // [28, 28, 1] -> [28, 28, 32]
      { type: 'maxPool2d', poolSize: 2 }, // -> [14, 14, 32]
      { type: 'conv2d', filters: 64 * times, kernelSize: 3 }, // -> [14, 14, 64]
      { type: 'maxPool2d', poolSize: 2 }, // -> [7, 7, 64]
      { type: 'conv2d', filters: 128 * times, kernelSize: 3 }, // -> [7, 7, 128]
      { type: 'maxPool2d', poolSize: 2 }, // -> [3, 3, 128]
      { type: 'flatten' }, // -> [1152]
      { type: 'dense', units: 512 * times, activation: 'relu' }, // -> [512]
      { type: 'dropout', rate: 0.5 },
      { type: 'dense', units: labels.length, activation: 'linear' }, // -> [labels] logits
    ],
    labels,
    preprocessing: { mean, std, fit, background },
  } satisfies Record<keyof ModelSpec, unknown>);
}

/** The CNN for Fashion-MNIST: 28x28 grey images in, 10 logits out, 688,138 parameters. */
export const fashionMnistCnn: ModelSpec = cnnFor({
  name: 'fashion-mnist',
  height: 28,
  width: 28,
  fit: 'contain',
  background: { kind: 'isolate' },
  labels: [
    'T-shirt/top',
    'Trouser',
    'Pullover',
    'Dress',
    'Coat',
    'Sandal',
    'Shirt',
    'Sneaker',
    'Bag',
    'Ankle boot',
  ],
});

/**
 * Returns how a picture becomes a model's input.
 *
 * The makers of Fashion-MNIST trimmed each garment, centred it and laid it on black, so its models take photos in which the garment is
 * isolated. Manifests that don't name a background are of versions published before it existed; it applies to them too.
 */
export function inputOptionsFor({ name, inputShape, preprocessing }: ModelSpec) {
  const [height, width, channels] = inputShape;
  const usual = name === fashionMnistCnn.name ? ('isolate' as const) : ('invert' as const);
  const { fit = 'contain', background = { kind: usual } } = preprocessing;
  return { height, width, channels, fit, background };
}
