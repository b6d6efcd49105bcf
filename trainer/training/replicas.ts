import { once } from 'node:events';
import { SHARE_ENV, Worker } from 'node:worker_threads';
import type { OpenBackend } from '../backends/backend.ts';
import type { ReplicaData, ReplicaMessage, ReplicaTask } from './replica.ts';
import type { SharedState } from './shared-state.ts';

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
      new Worker(new URL('./replica.ts', import.meta.url), {
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
