import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { publishedSpec } from '../../shared/model/training-spec.ts';
import type { BackendName, DeviceChoice } from '../backend/backend.ts';
import { openFastest } from '../backend/open-backend.ts';
import { readStored, storeAs } from '../weights/stored-weights.ts';
import { DivergenceError, firstNotFinite } from './divergence.ts';
import { foldWeights, unfoldWeights } from './fold.ts';
import { firstImages, shuffle, splitValidation } from './image-order.ts';
import { type MasterModel, openMaster } from './master-model.ts';
import { computeMetrics } from './metrics.ts';
import { learningRateAt } from './optimizer.ts';
import { PAUSE_REQUESTED, STEPS_DONE, stepLoss, type TestState } from './shared-state.ts';
import {
  copyVectors,
  firstPosition,
  restoreVectors,
  type TrainingPosition,
} from './training-state.ts';
import type { TrainingEvent, TrainOptions } from './training-types.ts';
import { openWebgpuWorkers } from './webgpu-workers.ts';
import { openWorkers, type Workers, type WorkersOptions } from './workers.ts';

/** With fewer images, a thread takes longer to wait for the others than to compute its part. */
const minImagesPerThread = 8;
const progressIntervalMs = 100;

/**
 * Trains a network with data parallelism over worker threads. Each computes the gradients of its part of every batch; their
 * sum is the batch's, so the number of threads changes only rounding.
 *
 * @throws {DivergenceError} at the first step whose loss is not finite
 * @throws {Error} if the backend does not load or a thread fails
 */
export async function* train(options: TrainOptions): AsyncGenerator<TrainingEvent, void, void> {
  const { session, started } = await openSession(options);
  const { workers } = session;
  try {
    if (options.resumeFrom) restoreVectors(workers.state, options.resumeFrom.vectors);
    checkWeights(session);
    yield started;
    session.lastCheckpoint = performance.now();
    while (session.position.epoch <= options.recipe.epochs) {
      yield* trainEpoch(session);
      yield* endEpoch(session);
    }
  } finally {
    await workers.stop();
  }
}

/** A training that is under way. */
interface Session {
  options: TrainOptions;
  /** Training images. */
  images: number;
  /** Per epoch. */
  steps: number;
  /** The whole network. */
  master: MasterModel;
  /** Its weights at the last test. Those of frozen layers are at the start. */
  published: Float32Array;
  workers: Workers;
  position: TrainingPosition;
  /** In milliseconds, of `performance.now()`. */
  lastCheckpoint: number;
}

async function openSession(options: TrainOptions) {
  const { spec, dataset, recipe, seed, device = 'auto', signal } = options;
  const limited = firstImages(dataset.train, options.limit);
  const { train: trainSet, validation } = splitValidation(limited, recipe.validation, seed);
  const ownValidation = dataset.validation ?? null;
  const sets = { train: trainSet, test: dataset.test, validation: validation ?? ownValidation };
  const images = trainSet.count;
  const steps = Math.ceil(images / recipe.batchSize);
  const threads = options.threads ?? defaultThreads(recipe.batchSize);
  const master = await openMaster(publishedSpec(spec), seed);
  signal?.throwIfAborted();
  const open = (name: BackendName, on: DeviceChoice) => {
    const settings: WorkersOptions = {
      spec,
      recipe,
      distillation: options.distillation,
      seed,
      device: on,
      sets,
      steps,
      threads,
      backendThreads: options.threads,
      initial: unfoldWeights(spec, initialWeights(master, options.initial)),
    };
    return name === 'webgpu' ? openWebgpuWorkers(settings) : openWorkers(name, settings);
  };
  const { opened: workers, skipped } = await openFastest(options.backend, device, open);
  const position = options.resumeFrom?.position ?? firstPosition;
  const { frozen } = options;
  const whole = frozen ? await openMaster(frozen.spec, seed) : master;
  const session: Session = {
    options,
    images,
    steps,
    master: whole,
    published: initialWeights(whole, frozen?.weights),
    workers,
    position,
    lastCheckpoint: 0,
  };
  const { backend } = workers;
  const { epochs, batchSize } = recipe;
  const counts = { images, steps, epochs, batchSize };
  const started: TrainingEvent = { event: 'started', backend, skipped, threads, ...counts };
  return { session, started };
}

function initialWeights({ parameters }: MasterModel, given: TrainOptions['initial'] = []) {
  const initial = parameters.slice();
  let offset = 0;
  for (const { values } of given) {
    initial.set(values, offset);
    offset += values.length;
  }
  return initial;
}

const defaultThreads = (batchSize: number) =>
  Math.max(1, Math.min(availableParallelism(), Math.floor(batchSize / minImagesPerThread)));

/** Trains the rest of an epoch, with checkpoints in between. */
async function* trainEpoch(session: Session): AsyncGenerator<TrainingEvent, void, void> {
  const { options, steps, workers } = session;
  const { seed, signal } = options;
  shuffle(workers.state.order, `${seed}/shuffle/${session.position.epoch}`);
  Atomics.store(workers.state.progress, STEPS_DONE, session.position.step);
  while (session.position.step < steps) {
    yield* trainSteps(session);
    // The checkpoint at the end of an epoch waits for its metrics.
    if (options.checkpoints && (signal?.aborted || session.position.step < steps)) {
      yield checkpointOf(session);
      session.lastCheckpoint = performance.now();
    }
    signal?.throwIfAborted();
  }
}

/** Trains until the epoch ends, a checkpoint is due or the signal aborts. */
async function* trainSteps(session: Session): AsyncGenerator<TrainingEvent, void, void> {
  const { options, images, steps, workers, position } = session;
  const { recipe, checkpoints, signal } = options;
  const { progress, losses } = workers.state;
  const { epoch, step: from, seconds, epochSeconds } = position;
  const every = checkpoints?.steps ?? steps;
  const to = Math.min(steps, (Math.floor(from / every) + 1) * every);
  const intervalMs = 1000 * (checkpoints?.seconds ?? Number.POSITIVE_INFINITY);
  const start = performance.now();
  const elapsed = () => (performance.now() - start) / 1000;
  Atomics.store(progress, PAUSE_REQUESTED, 0);
  let finished = false;
  const work = workers
    .perform({ task: 'train-steps', stepsBefore: (epoch - 1) * steps, from, to })
    .finally(() => {
      finished = true;
    });
  let reported = from;
  while (!finished) {
    await Promise.race([work, sleep(progressIntervalMs)]);
    const isDue = performance.now() - session.lastCheckpoint >= intervalMs;
    if (signal?.aborted || isDue) Atomics.store(progress, PAUSE_REQUESTED, 1);
    while (reported < Atomics.load(progress, STEPS_DONE)) {
      const loss = stepLoss(losses, reported, workers.count);
      reported++;
      const seen = Math.min(reported * recipe.batchSize, images);
      const imagesPerSecond = seen / (epochSeconds + elapsed());
      yield { event: 'progress', epoch, step: reported, loss, imagesPerSecond };
    }
  }
  await work;
  session.position = {
    ...position,
    step: Atomics.load(progress, STEPS_DONE),
    seconds: seconds + elapsed(),
    epochSeconds: epochSeconds + elapsed(),
  };
  const { step } = session.position;
  // The workers stop at a step whose loss is not finite, and don't count it.
  const loss = step < to ? stepLoss(losses, step, workers.count) : 0;
  if (!Number.isFinite(loss)) throw divergenceAt(session, step + 1, `the loss is ${loss}`);
}

/** Tests the network, and moves to the next epoch or, if the validation accuracy no longer improves, to the end. */
async function* endEpoch(session: Session): AsyncGenerator<TrainingEvent, void, void> {
  const { options, images, steps, workers, position } = session;
  const { recipe } = options;
  const { state } = workers;
  const { epoch, seconds, epochSeconds } = position;
  checkWeights(session);
  foldWeights(options.spec, state.average ?? state.parameters, state.tested);
  const artifacts = await publishedArtifacts(session);
  if (firstNotFinite(state.tested) !== undefined) {
    throw divergenceAt(session, steps, 'a weight exceeds 65,504, the maximum of float16');
  }
  const metrics = await metricsOn('test', session);
  const validation = state.validation && (await metricsOn('validation', session));
  yield {
    event: 'epoch',
    epoch,
    metrics,
    validation,
    logits: state.test.logits,
    trainLoss: sumOf(state.losses) / steps,
    seconds,
    imagesPerSecond: images / epochSeconds,
    artifacts,
  };
  let { best } = position;
  if (validation && validation.accuracy > best.accuracy) {
    best = { epoch, accuracy: validation.accuracy };
  }
  const stops = recipe.patience > 0 && epoch - best.epoch >= recipe.patience;
  if (stops) {
    yield {
      event: 'stopped-early',
      epoch,
      bestEpoch: best.epoch,
      bestAccuracy: best.accuracy,
    };
  }
  const next = stops ? recipe.epochs + 1 : epoch + 1;
  session.position = { epoch: next, step: 0, seconds, epochSeconds: 0, best };
  if (options.checkpoints) yield checkpointOf(session);
  session.lastCheckpoint = performance.now();
  options.signal?.throwIfAborted();
}

/** Returns the whole network as it is published. The weights that are tested become those that are published. */
async function publishedArtifacts({ options, master, published, workers }: Session) {
  const { dtype = 'float32' } = options;
  const { tested } = workers.state;
  const trained = published.subarray(published.length - tested.length);
  trained.set(tested);
  const artifacts = storeAs(dtype, await master.artifactsOf(published));
  if (dtype !== 'float32') {
    readStored(artifacts, published);
    tested.set(trained);
  }
  return artifacts;
}

async function metricsOn(set: 'test' | 'validation', session: Session) {
  const { workers, options } = session;
  await workers.perform({ task: 'evaluate', set });
  const { logits, set: tested } = workers.state[set] as TestState;
  const metrics = computeMetrics(logits, tested.labels, options.spec.labels);
  if (Number.isFinite(metrics.loss)) return metrics;
  throw divergenceAt(session, session.steps, `the ${set} loss is ${metrics.loss}`);
}

function checkpointOf(session: Session): TrainingEvent {
  checkWeights(session);
  const { position, workers } = session;
  return { event: 'checkpoint', state: { position, vectors: copyVectors(workers.state) } };
}

/**
 * Checks that the weights are finite. The loss alone does not show it: ReLU kernels turn NaN into 0.
 *
 * @throws {DivergenceError}
 */
function checkWeights(session: Session): void {
  const { parameters, average } = session.workers.state;
  const wrong = firstNotFinite(parameters) ?? (average && firstNotFinite(average));
  if (typeof wrong !== 'number') return;
  throw divergenceAt(session, session.position.step, `a weight is ${wrong}`);
}

/** @param step counts from 1 */
function divergenceAt({ options, steps, position }: Session, step: number, reason: string) {
  const { epoch } = position;
  const total = Math.max(0, (epoch - 1) * steps + step - 1);
  const learningRate = learningRateAt(options.recipe, total, steps);
  return new DivergenceError({ epoch, step, steps, learningRate, reason });
}

const sumOf = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0);
