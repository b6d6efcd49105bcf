import { existsSync } from 'node:fs';
import seedrandom from 'seedrandom';
import type { LayerSpec, ModelSpec } from '../../shared/model/model-spec.ts';
import type { TrainingSpec } from '../../shared/model/training-spec.ts';
import { openAdapter } from '../../trainer/backend/webgpu/open-adapter.ts';
import type { Dataset, ImageSet } from '../../trainer/data/dataset.ts';
import type { Recipe } from '../../trainer/train/recipe.ts';
import { recipes } from '../../trainer/train/recipes.ts';
import { train } from '../../trainer/train/train.ts';
import type { TrainingEvent, TrainOptions } from '../../trainer/train/training-types.ts';
import { requirement } from './requirement.ts';

/** The software Vulkan of Debian's chromium. */
const swiftShader = '/usr/lib/chromium/vk_swiftshader_icd.json';

/**
 * Chooses software Vulkan, unless the environment names a driver, and returns whether an adapter answers.
 *
 * @throws {Error} if none does, and CATWALK_REQUIRE_WEBGPU is set
 */
export async function hasWebgpu(): Promise<boolean> {
  if (existsSync(swiftShader)) process.env.VK_DRIVER_FILES ??= swiftShader;
  const found = await openAdapter().then(
    () => '',
    (error: Error) => error.message,
  );
  return requirement(
    found === '',
    `the backend webgpu (${found}). Run \`npm run setup:webgpu\`, and install libvulkan1 and chromium, whose software Vulkan is enough.`,
    'CATWALK_REQUIRE_WEBGPU',
  );
}

/** A network of few numbers, as software Vulkan takes half a second to compile a kernel. No dropout, whose masks differ between backends. */
export const smallSpec: ModelSpec = specOf(
  [11, 10, 1],
  [
    { type: 'conv2d', filters: 5, kernelSize: 3 },
    { type: 'maxPool2d', poolSize: 2 },
    { type: 'flatten' },
    { type: 'dense', units: 12, activation: 'relu' },
    { type: 'dense', units: 3, activation: 'linear' },
  ],
);

export function specOf(inputShape: ModelSpec['inputShape'], layers: LayerSpec[]): ModelSpec {
  const last = layers.at(-1);
  const count = last?.type === 'dense' ? last.units : 2;
  return {
    name: 'small',
    inputShape,
    layers,
    labels: Array.from({ length: count }, (_, id) => `label ${id}`),
    preprocessing: { mean: 0.5, std: 0.5, fit: 'contain', background: { kind: 'keep' } },
  };
}

/** Images of noise, whose labels are random. */
export function noisySet(spec: TrainingSpec, count: number, seed: string): ImageSet {
  const random = seedrandom.alea(seed);
  const [height, width, channels] = spec.inputShape;
  const below = (length: number, end: number) =>
    Uint8Array.from({ length }, () => Math.floor(end * random()));
  const images = below(count * height * width * channels, 256);
  return { images, labels: below(count, spec.labels.length), count };
}

/** 22 images to train on, so that the third batch of 8 is short. */
function noisyDataset(spec: TrainingSpec): Dataset {
  const [height, width, channels] = spec.inputShape;
  return {
    name: spec.name,
    height,
    width,
    channels: channels === 3 ? 3 : 1,
    labels: spec.labels,
    fit: 'contain',
    background: { kind: 'keep' },
    train: noisySet(spec, 22, 'train'),
    test: noisySet(spec, 9, 'test'),
    files: {},
    origin: 'noise',
    source: 'noise',
  };
}

export const smallRecipe: Recipe = { ...recipes.tutorial, epochs: 2, batchSize: 8 };

/** A training of the small network on noise, with webgpu on one thread. */
export function noiseTraining(options: Partial<TrainOptions>): TrainOptions {
  const spec = options.spec ?? smallSpec;
  const all = { spec, dataset: noisyDataset(spec), recipe: smallRecipe, seed: 1, threads: 1 };
  return { ...all, backend: 'webgpu', ...options };
}

/** Trains the small network on noise and returns all events. */
export async function trainOnNoise(options: Partial<TrainOptions>): Promise<TrainingEvent[]> {
  const events: TrainingEvent[] = [];
  for await (const event of train(noiseTraining(options))) {
    // The next epoch overwrites the logits.
    events.push(event.event === 'epoch' ? { ...event, logits: event.logits.slice() } : event);
  }
  return events;
}

/** Returns the events of one kind. */
export const eventsOf = <Name extends TrainingEvent['event']>(
  events: readonly TrainingEvent[],
  name: Name,
) =>
  events.filter((event): event is Extract<TrainingEvent, { event: Name }> => event.event === name);

export const lossesOf = (events: readonly TrainingEvent[]): number[] =>
  eventsOf(events, 'progress').map(({ loss }) => loss);

export const weightsOf = (events: readonly TrainingEvent[]): Float32Array =>
  new Float32Array(eventsOf(events, 'epoch').at(-1)?.artifacts.weightData as ArrayBuffer);
