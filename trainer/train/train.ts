import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { io } from '@tensorflow/tfjs-core';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import type { Metrics } from '../../shared/registry/manifest.ts';
import type {
  BackendChoice,
  DeviceChoice,
  OpenBackend,
  SkippedBackend,
} from '../backend/backend.ts';
import { openFastest } from '../backend/open-backend.ts';
import type { Dataset, ImageSet } from '../data/dataset.ts';
import { shuffle, splitValidation } from './image-order.ts';
import { computeMetrics } from './loss.ts';
import { halfArtifacts, openMaster, roundToHalf } from './master-model.ts';
import type { Recipe, WeightType } from './recipe.ts';
import { PAUSE_ASKED, STEPS_DONE, type TestState } from './shared-state.ts';
import {
  copyVectors,
  firstPosition,
  restoreVectors,
  type TrainingPosition,
  type TrainingState,
} from './training-state.ts';
import { openReplicas } from './workers.ts';

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
  /** When to hand over a state to go on from; never unless told. */
  checkpoints?: CheckpointTimes | undefined;
  /** Goes on from here instead of from the first weights. */
  resumeFrom?: TrainingState | undefined;
  /**
   * Ends the training after the step that it is at, with a last checkpoint where there are any; the generator then
   * throws the signal's reason.
   */
  signal?: AbortSignal | undefined;
}

/** A checkpoint comes when one of them is due, and after each epoch. */
export interface CheckpointTimes {
  /** Every so many steps of an epoch. */
  steps?: number | undefined;
  seconds?: number | undefined;
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
  | { event: 'stopped-early'; epoch: number; bestEpoch: number; bestAccuracy: number }
  /** The state is a copy: training goes on while it is kept. */
  | { event: 'checkpoint'; state: TrainingState };

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
  const { opened, skipped } = await openFastest(
    options.backend,
    options.device ?? 'auto',
    (name, device) =>
      openReplicas(name, {
        ...{ spec, recipe, seed, sets, steps, threads, device },
        backendThreads: options.threads,
        first: master.parameters,
      }),
  );
  const { state, replicas, replicaCount } = opened;
  const { progress } = state;
  const metricsOn = async (set: 'test' | 'validation') => {
    await replicas.perform({ task: 'evaluate', set });
    const { logits, set: tested } = state[set] as TestState;
    return computeMetrics(logits, tested.labels, spec.labels);
  };
  const lossOf = (step: number) =>
    state.losses
      .subarray(step * replicaCount, (step + 1) * replicaCount)
      .reduce((sum, part) => sum + part, 0);
  let position: TrainingPosition = options.resumeFrom?.position ?? firstPosition;
  const checkpoint = (): TrainingEvent => ({
    event: 'checkpoint',
    state: { position, vectors: copyVectors(state) },
  });
  try {
    if (options.resumeFrom) restoreVectors(state, options.resumeFrom.vectors);
    yield {
      event: 'started',
      backend: replicas.backend,
      skipped,
      threads,
      images: images.count,
      steps,
    };
    let lastCheckpoint = performance.now();
    while (position.epoch <= recipe.epochs) {
      const { epoch } = position;
      shuffle(state.order, `${seed}/shuffle/${epoch}`);
      Atomics.store(progress, STEPS_DONE, position.step);
      let reported = position.step;
      while (position.step < steps) {
        const { step: from, seconds, epochSeconds } = position;
        const every = options.checkpoints?.steps ?? steps;
        const to = Math.min(steps, (Math.floor(from / every) + 1) * every);
        const start = performance.now();
        const elapsed = () => (performance.now() - start) / 1000;
        Atomics.store(progress, PAUSE_ASKED, 0);
        let finished = false;
        const work = replicas
          .perform({ task: 'train-steps', stepsBefore: (epoch - 1) * steps, from, to })
          .finally(() => {
            finished = true;
          });
        const isDue = () =>
          performance.now() - lastCheckpoint >= 1000 * (options.checkpoints?.seconds ?? Infinity);
        while (!finished) {
          await Promise.race([work, sleep(progressIntervalMs)]);
          if (signal?.aborted || isDue()) Atomics.store(progress, PAUSE_ASKED, 1);
          for (; reported < Atomics.load(progress, STEPS_DONE); reported++) {
            const step = reported + 1;
            const seen = Math.min(step * recipe.batchSize, images.count);
            const imagesPerSecond = seen / (epochSeconds + elapsed());
            yield { event: 'progress', epoch, step, loss: lossOf(reported), imagesPerSecond };
          }
        }
        await work;
        position = {
          ...position,
          step: Atomics.load(progress, STEPS_DONE),
          seconds: seconds + elapsed(),
          epochSeconds: epochSeconds + elapsed(),
        };
        // At the end of an epoch, there is one with its metrics soon.
        if (options.checkpoints && (signal?.aborted || position.step < steps)) {
          yield checkpoint();
          lastCheckpoint = performance.now();
        }
        signal?.throwIfAborted();
      }
      state.tested.set(state.average ?? state.parameters);
      if (options.dtype === 'float16') roundToHalf(state.tested);
      const metrics = await metricsOn('test');
      const validated = validation && (await metricsOn('validation'));
      const artifacts = await master.artifactsOf(state.tested);
      const { seconds, epochSeconds } = position;
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
      let { best } = position;
      if (validated && validated.accuracy > best.accuracy) {
        best = { epoch, accuracy: validated.accuracy };
      }
      const stops = recipe.patience > 0 && epoch - best.epoch >= recipe.patience;
      if (stops) {
        const { epoch: bestEpoch, accuracy: bestAccuracy } = best;
        yield { event: 'stopped-early', epoch, bestEpoch, bestAccuracy };
      }
      const next = stops ? recipe.epochs + 1 : epoch + 1;
      position = { epoch: next, step: 0, seconds, epochSeconds: 0, best };
      if (options.checkpoints) yield checkpoint();
      lastCheckpoint = performance.now();
      signal?.throwIfAborted();
    }
  } finally {
    await replicas.stop();
  }
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
