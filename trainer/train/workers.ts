import { once } from 'node:events';
import { extname } from 'node:path';
import { SHARE_ENV, Worker } from 'node:worker_threads';
import { publishedSpec } from '../../shared/model/training-spec.ts';
import type { BackendName, DeviceChoice, OpenBackend } from '../backend/backend.ts';
import { compiledBinding, readNativeSetup } from '../backend/native-setup.ts';
import { countOf, parametersOf } from './parameters.ts';
import { createSharedState, type ImageSets, type SharedState } from './shared-state.ts';
import type { WorkerData, WorkerMessage, WorkerTask } from './worker.ts';

export type WorkersOptions = Omit<WorkerData, 'index' | 'count' | 'backend' | 'state'> & {
  sets: ImageSets;
  /** Threads that share every batch. */
  threads: number;
  /** The initial weights, flat. */
  initial: Float32Array;
};

/** Threads that train one network together, each on its part of every batch. */
export interface Workers {
  backend: OpenBackend;
  count: number;
  state: SharedState;
  /** Gives all workers a task and waits until all are done. */
  perform(task: WorkerTask): Promise<void>;
  /** Ends the threads at once. */
  stop(): Promise<void>;
}

/**
 * Starts workers on one backend, with the initial weights in place.
 *
 * @throws {Error} if a thread or its backend does not start; `perform` throws if a thread fails
 */
export async function openWorkers(name: BackendName, options: WorkersOptions): Promise<Workers> {
  const { sets: _, threads, initial: __, ...settings } = options;
  const { backendThreads } = settings;
  const count = (await needsWholeBatch(name, settings.device)) ? 1 : threads;
  const state = openState(options, count);
  return startThreads({
    ...settings,
    count,
    backend: name,
    // Several workers fill the cores by themselves.
    backendThreads: count > 1 ? 1 : backendThreads,
    state,
  });
}

/** Creates the state of so many workers, with the initial weights in place. */
export function openState(
  { sets, initial, steps, spec, recipe }: WorkersOptions,
  workers: number,
): SharedState {
  const state = createSharedState(sets, {
    parameters: initial.length,
    published: countOf(parametersOf(publishedSpec(spec))),
    workers,
    steps,
    labels: spec.labels.length,
    averaged: recipe.averageDecay > 0,
  });
  state.parameters.set(initial);
  state.average?.set(initial);
  return state;
}

/**
 * Returns whether one worker should get every batch whole: on a GPU, or if threads can't share the binding. On a CPU,
 * TensorFlow too is faster with a part of the batch per core than with all cores on each operation.
 */
async function needsWholeBatch(name: BackendName, device: DeviceChoice): Promise<boolean> {
  if (name !== 'tensorflow') return false;
  const setup = await readNativeSetup();
  return setup?.binding !== compiledBinding || (device !== 'cpu' && setup.variant === 'gpu');
}

/** The program beside this file: TypeScript in the repository, JavaScript in the installed package. */
const workerFile = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);

async function startThreads(data: Omit<WorkerData, 'index'>): Promise<Workers> {
  const { count, state } = data;
  const threads = Array.from(
    { length: count },
    (_, index) =>
      new Worker(workerFile, {
        workerData: { ...data, index } satisfies WorkerData,
        // Without this process's own flags, such as those that make `node --eval` a module.
        execArgv: [],
        // TensorFlow reads its settings from the process's environment; by default a thread has a copy.
        env: SHARE_ENV,
        // A step leaves little garbage, of which V8 would otherwise let 48 MB gather in each thread.
        resourceLimits: { maxYoungGenerationSizeMb: 6 },
      }),
  );
  const stop = async () => {
    await Promise.all(threads.map((thread) => thread.terminate()));
  };
  // If one thread fails, the others would wait at a barrier forever, so all end.
  const answers = async () => {
    try {
      return await Promise.all(threads.map(nextMessage));
    } catch (error) {
      await stop();
      throw error;
    }
  };
  const [first] = await answers();
  if (first?.message !== 'ready') throw new Error('A training thread did not start.');
  return {
    backend: first.backend,
    count,
    state,
    async perform(task) {
      const done = answers();
      for (const thread of threads) thread.postMessage(task);
      await done;
    },
    stop,
  };
}

async function nextMessage(thread: Worker): Promise<WorkerMessage> {
  const controller = new AbortController();
  const { signal } = controller;
  try {
    const exit = once(thread, 'exit', { signal }).then(([code]) => {
      throw new Error(`A training thread ended with exit code ${code}.`);
    });
    const message = once(thread, 'message', { signal });
    // `once` also rejects on the thread's 'error' event, with the thread's own error.
    const [answer] = (await Promise.race([message, exit])) as [WorkerMessage];
    return answer;
  } finally {
    controller.abort();
  }
}
