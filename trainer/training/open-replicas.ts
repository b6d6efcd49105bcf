import type { ModelSpec } from '../../shared/model-spec.ts';
import type { BackendName, DeviceChoice } from '../backends/backend.ts';
import { compiledBinding, readNativeSetup } from '../backends/native-setup.ts';
import type { Recipe } from './recipe.ts';
import { type Replicas, startReplicas } from './replicas.ts';
import { createSharedState, type ImageSets, type SharedState } from './shared-state.ts';

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
