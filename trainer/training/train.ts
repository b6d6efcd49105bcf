import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { io } from '@tensorflow/tfjs-core';
import type { Metrics } from '../../shared/manifest.ts';
import type { ModelSpec } from '../../shared/model-spec.ts';
import type {
  BackendChoice,
  BackendName,
  DeviceChoice,
  OpenBackend,
  SkippedBackend,
} from '../backends/backend.ts';
import { firstThatOpens } from '../backends/first-that-opens.ts';
import type { Dataset, ImageSet } from '../dataset/dataset.ts';
import { halfArtifacts, roundToHalf, type WeightType } from './half-precision.ts';
import { openMaster } from './master-model.ts';
import { computeMetrics } from './metrics.ts';
import type { Recipe } from './recipe.ts';
import { type Replicas, startReplicas } from './replicas.ts';
import {
  createSharedState,
  type ImageSets,
  type SharedState,
  type TestState,
} from './shared-state.ts';
import { shuffle } from './shuffle.ts';
import { splitValidation } from './split-validation.ts';

export interface TrainOptions {
  spec: ModelSpec;
  dataset: Dataset;
  recipe: Recipe;
  /** Same seed, backend and number of threads: the same weights to the last bit. */
  seed: number;
  backend: BackendChoice;
  /** A GPU where one answers, unless told. */
  device?: DeviceChoice | undefined;
  /** Threads that share every batch; as many as there are cores, each with 8 images or more, unless told. */
  threads?: number | undefined;
  /** Trains on the first so many images alone. */
  limit?: number | undefined;
  /** Of the weights that are tested and handed over; training itself is float32. */
  dtype?: WeightType | undefined;
  /** Ends the training; the generator then throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** What a training tells while it runs, in order. */
export type TrainingEvent =
  | {
      event: 'started';
      backend: OpenBackend;
      /** The backends that were tried before this one. */
      skipped: SkippedBackend[];
      threads: number;
      images: number;
      steps: number;
    }
  | { event: 'progress'; epoch: number; step: number; loss: number; imagesPerSecond: number }
  | {
      event: 'epoch';
      epoch: number;
      /** On the test images. */
      metrics: Metrics;
      /** On the validation images, where some are kept. */
      validation: Metrics | null;
      /** Of every test image, [image][label], flat; overwritten by the next epoch. */
      logits: Float32Array;
      /** Mean loss of the epoch's batches, dropout included. */
      trainLoss: number;
      /** Time of the training steps alone, since the start and in this epoch. */
      seconds: number;
      imagesPerSecond: number;
      artifacts: io.ModelArtifacts;
    }
  /** The validation accuracy did not get better for as long as the recipe waits. */
  | { event: 'stopped-early'; epoch: number; bestEpoch: number; bestAccuracy: number };

/** Images a thread must get for its share of a step to be worth the wait for the others. */
const leastImagesPerThread = 8;
const progressIntervalMs = 100;

/**
 * Trains a network: data parallelism over worker threads, each of which takes its part of every batch; the sum of
 * their gradients is the batch's, so the number of threads changes rounding alone.
 *
 * @throws {Error} where the backend does not load or a thread fails
 */
export async function* train(options: TrainOptions): AsyncGenerator<TrainingEvent, void, void> {
  const { spec, dataset, recipe, seed, signal } = options;
  const imageSize = dataset.height * dataset.width;
  const { train: images, validation } = splitValidation(
    limited(dataset.train, options.limit, imageSize),
    recipe.validation,
    seed,
  );
  const sets = { train: images, test: dataset.test, validation };
  const steps = Math.ceil(images.count / recipe.batchSize);
  const threads = options.threads ?? defaultThreads(recipe.batchSize);
  const master = await openMaster(spec, seed);
  signal?.throwIfAborted();
  const { opened, skipped } = await firstThatOpens(
    options.backend,
    options.device ?? 'auto',
    (name) => openReplicas(name, { ...options, sets, steps, threads, first: master.parameters }),
  );
  const { state, replicas, replicaCount } = opened;
  try {
    yield {
      event: 'started',
      backend: replicas.backend,
      skipped,
      threads,
      images: images.count,
      steps,
    };
    let seconds = 0;
    let best = { epoch: 0, accuracy: -1 };
    const metricsOn = async (set: 'test' | 'validation') => {
      await replicas.perform({ task: 'evaluate', set });
      const { logits, set: images } = state[set] as TestState;
      return computeMetrics(logits, images.labels, spec.labels);
    };
    for (let epoch = 1; epoch <= recipe.epochs; epoch++) {
      shuffle(state.order, `${seed}/shuffle/${epoch}`);
      Atomics.store(state.progress, 0, 0);
      const start = performance.now();
      const elapsed = () => (performance.now() - start) / 1000;
      let finished = false;
      const work = replicas
        .perform({ task: 'train-epoch', stepsBefore: (epoch - 1) * steps })
        .finally(() => {
          finished = true;
        });
      let reported = 0;
      while (!finished) {
        await Promise.race([work, sleep(progressIntervalMs, undefined, { signal })]);
        for (; reported < Atomics.load(state.progress, 0); reported++) {
          const parts = state.losses.subarray(
            reported * replicaCount,
            (reported + 1) * replicaCount,
          );
          const step = reported + 1;
          yield {
            event: 'progress',
            epoch,
            step,
            loss: parts.reduce((sum, part) => sum + part, 0),
            imagesPerSecond: Math.min(step * recipe.batchSize, images.count) / elapsed(),
          };
        }
      }
      await work;
      const epochSeconds = elapsed();
      seconds += epochSeconds;
      state.tested.set(state.average ?? state.parameters);
      if (options.dtype === 'float16') roundToHalf(state.tested);
      const metrics = await metricsOn('test');
      const validated = validation && (await metricsOn('validation'));
      const artifacts = await master.artifactsOf(state.tested);
      yield {
        event: 'epoch',
        epoch,
        metrics,
        validation: validated,
        logits: state.test.logits,
        trainLoss: state.losses.reduce((sum, part) => sum + part, 0) / steps,
        seconds,
        imagesPerSecond: images.count / epochSeconds,
        artifacts: options.dtype === 'float16' ? halfArtifacts(artifacts) : artifacts,
      };
      if (validated && validated.accuracy > best.accuracy) {
        best = { epoch, accuracy: validated.accuracy };
      } else if (recipe.patience > 0 && epoch - best.epoch >= recipe.patience) {
        const { epoch: bestEpoch, accuracy: bestAccuracy } = best;
        yield { event: 'stopped-early', epoch, bestEpoch, bestAccuracy };
        return;
      }
    }
  } finally {
    await replicas.stop();
  }
}

async function openReplicas(
  name: BackendName,
  options: TrainOptions & { sets: ImageSets; steps: number; threads: number; first: Float32Array },
): Promise<{ state: SharedState; replicas: Replicas; replicaCount: number }> {
  const { spec, recipe, seed, sets, steps, threads, first } = options;
  // TensorFlow has threads of its own, which share each operation.
  const replicaCount = name === 'tensorflow' ? 1 : threads;
  const state = createSharedState(sets, {
    parameters: first.length,
    replicas: replicaCount,
    steps,
    labels: spec.labels.length,
    averaged: recipe.averageDecay > 0,
  });
  state.parameters.set(first);
  state.average?.set(first);
  const replicas = await startReplicas({
    replicas: replicaCount,
    spec,
    backend: name,
    device: options.device ?? 'auto',
    backendThreads: options.threads,
    recipe,
    steps,
    seed,
    state,
  });
  return { state, replicas, replicaCount };
}

const defaultThreads = (batchSize: number) =>
  Math.max(1, Math.min(availableParallelism(), Math.floor(batchSize / leastImagesPerThread)));

function limited(set: ImageSet, limit: number | undefined, imageSize: number): ImageSet {
  const count = Math.min(limit ?? set.count, set.count);
  return {
    images: set.images.subarray(0, count * imageSize),
    labels: set.labels.subarray(0, count),
    count,
  };
}
