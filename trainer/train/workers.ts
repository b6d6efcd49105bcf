import { once } from 'node:events';
import { SHARE_ENV, Worker } from 'node:worker_threads';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import type { BackendName, DeviceChoice, OpenBackend } from '../backend/backend.ts';
import { compiledBinding, readNativeSetup } from '../backend/native-setup.ts';
import type { Recipe } from './recipe.ts';
import { createSharedState, type ImageSets, type SharedState } from './shared-state.ts';
import type { ReplicaData, ReplicaMessage, ReplicaTask } from './worker.ts';

/** Worker threads that train one network together, each on its part of every batch. */
export interface Replicas {
  backend: OpenBackend;
  /** Gives all replicas a task and waits until all are done. */
  perform(task: ReplicaTask): Promise<void>;
  /** Ends the threads, whatever they are doing. */
  stop(): Promise<void>;
}

/**
 * Starts `replicas` worker threads on one shared state.
 *
 * @throws {Error} where a thread or its backend does not start, or, from `perform`, where one fails
 */
export async function startReplicas(
  options: Omit<ReplicaData, 'index'> & { state: SharedState },
): Promise<Replicas> {
  const workers = Array.from(
    { length: options.replicas },
    (_, index) =>
      new Worker(new URL('./worker.ts', import.meta.url), {
        workerData: { ...options, index } satisfies ReplicaData,
        // TensorFlow reads its settings from the process's environment, of which a thread has a copy otherwise.
        env: SHARE_ENV,
        // A step leaves little behind; V8 would let 48 MB of it gather in each thread.
        resourceLimits: { maxYoungGenerationSizeMb: 6 },
      }),
  );
  const stop = async () => {
    await Promise.all(workers.map((worker) => worker.terminate()));
  };
  // One thread that fails leaves the others waiting at a barrier for ever, so all end with it.
  const answers = async () => {
    try {
      return await Promise.all(workers.map(nextMessage));
    } catch (error) {
      await stop();
      throw error;
    }
  };
  const [first] = await answers();
  if (first?.message !== 'ready') throw new Error('A training thread did not get ready.');
  return {
    backend: first.backend,
    async perform(task) {
      const done = answers();
      for (const worker of workers) worker.postMessage(task);
      await done;
    },
    stop,
  };
}

async function nextMessage(worker: Worker): Promise<ReplicaMessage> {
  const controller = new AbortController();
  const { signal } = controller;
  try {
    const exit = once(worker, 'exit', { signal }).then(([code]) => {
      throw new Error(`A training thread ended with exit code ${code}.`);
    });
    const message = once(worker, 'message', { signal });
    // `once` rejects by itself on the worker's 'error' event, with the thread's own error.
    const [answer] = (await Promise.race([message, exit])) as [ReplicaMessage];
    return answer;
  } finally {
    controller.abort();
  }
}

export interface ReplicasOptions {
  spec: ModelSpec;
  recipe: Recipe;
  seed: number;
  device: DeviceChoice;
  sets: ImageSets;
  /** Of one epoch. */
  steps: number;
  /** That share every batch. */
  threads: number;
  /** Threads that the backend may use by itself, where it can; as many as it likes unless told. */
  backendThreads: number | undefined;
  /** The first weights, flat. */
  first: Float32Array;
}

/** Starts the threads that train, on one backend, with the first weights in place. */
export async function openReplicas(
  name: BackendName,
  options: ReplicasOptions,
): Promise<{ state: SharedState; replicas: Replicas; replicaCount: number }> {
  const { spec, recipe, seed, device, sets, steps, threads, backendThreads, first } = options;
  const replicaCount = (await takesBatchWhole(name, device)) ? 1 : threads;
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
    backend: name,
    // Replicas fill the cores by themselves.
    backendThreads: replicaCount > 1 ? 1 : backendThreads,
    ...{ spec, device, recipe, steps, seed, state },
  });
  return { state, replicas, replicaCount };
}

/**
 * A GPU takes a batch whole, and so does a binding that threads can't share. On CPUs TensorFlow, too, is faster with a part of it for
 * each core than with a share of every operation.
 */
async function takesBatchWhole(name: BackendName, device: DeviceChoice): Promise<boolean> {
  if (name !== 'tensorflow') return false;
  const setup = await readNativeSetup();
  return setup?.binding !== compiledBinding || (device !== 'cpu' && setup.variant === 'gpu');
}
