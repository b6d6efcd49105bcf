/** Computes the output of frozen layers once per image and view, on all cores, and keeps it in the cache. */

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { defaultCacheFolder } from '../../node/files.ts';
import { readBuild } from '../backend/wasm-module.ts';
import type { ImageSet } from '../data/dataset.ts';
import { pruneFolder } from '../data/image-cache.ts';
import { shareBytes } from '../data/image-set.ts';
import { type LayerTensor, sizeOf } from '../weights/tensor.ts';
import type {
  FeatureAnswer,
  FeatureData,
  FeatureSet,
  FeatureTask,
} from './compute-features-worker.ts';
import type { FeatureKind, FeatureSettings } from './compute-image-features.ts';
import { hashOfWeights } from './open-backbone.ts';
import type { SplitNetwork } from './split-network.ts';

/** Images that a thread computes between two messages. */
const chunkImages = 8;
/** A thread takes about as long to start as some images to compute. */
const minImagesPerThread = 24;
const messageIntervalMs = 1000;
/** Features of the training images in memory: more images have fewer views. */
const maxTrainingBytes = 2 ** 30;
const maxCacheBytes = 2 ** 31;

export interface FeatureOptions {
  network: SplitNetwork;
  /** Kernel and bias of each of the network's convolutions, in order. */
  weights: readonly LayerTensor[];
  /** The views of each training image, if they fit into memory. */
  views: number;
  /** The folder of the cache; null: no cache (default: catwalk/datasets in the XDG cache folder). */
  cacheDir?: string | null | undefined;
  /** Called at the start, about once a second, and at the end. */
  onImages?: ((done: number, of: number) => void) | undefined;
  onProgress?: ((message: string) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** The features of a data set. */
export interface DatasetFeatures {
  train: ImageSet;
  validation: ImageSet | null;
  test: ImageSet;
  /** [training image][channel]: means of the channels of the last convolution, before any training. */
  means: Float32Array;
}

export interface FeatureSets {
  train: ImageSet;
  validation?: ImageSet | null | undefined;
  test: ImageSet;
}

/** Computes the features of all images of a data set. */
export async function computeFeatures(
  sets: FeatureSets,
  options: FeatureOptions,
): Promise<DatasetFeatures> {
  const { network, onProgress, cacheDir = defaultCacheFolder() } = options;
  const perView = sizeOf(network.trained.inputShape);
  const fitting = Math.floor(maxTrainingBytes / (perView * sets.train.count));
  const views = Math.max(1, Math.min(options.views, fitting));
  if (views < options.views) {
    onProgress?.(`So many images are trained on in ${views} instead of ${options.views} views.`);
  }
  const { weights } = options;
  const folder = cacheDir && join(cacheDir, 'features');
  const cacheFolder = folder && join(folder, keyOf(network, weights, views));
  const settings: FeatureSettings = { network, weights, views, cacheFolder };
  const channels = weights.at(-1)?.shape[0] ?? 0;
  const train = shareResults(sets.train, 'training', views * perView, channels);
  const test = shareResults(sets.test, 'test', 4 * perView, channels);
  const validation = sets.validation
    ? shareResults(sets.validation, 'test', 4 * perView, channels)
    : null;
  const all = [train, ...(validation ? [validation] : []), test];
  const { fault } = await computeOnThreads({ settings, sets: all }, options);
  if (fault !== null) onProgress?.(`Features could not be cached: ${fault}`);
  else if (folder) await pruneFolder(folder, maxCacheBytes);
  return {
    train: { ...sets.train, images: train.features, file: undefined },
    validation: sets.validation && validation ? tested(sets.validation, validation) : null,
    test: tested(sets.test, test),
    means: train.means,
  };
}

/** Other settings need other entries. */
function keyOf(network: SplitNetwork, weights: readonly LayerTensor[], views: number): string {
  const { frozen, trained } = network;
  const settings = [frozen.inputShape, frozen.layers, frozen.preprocessing, trained.layers, views];
  return createHash('sha256')
    .update(JSON.stringify(settings))
    .update(hashOfWeights(weights))
    .update(readBuild('inference-relaxed-simd.wasm'))
    .update(readBuild('layers-relaxed-simd.wasm'))
    .digest('hex')
    .slice(0, 16);
}

/** @param length bytes of an image's features */
function shareResults(
  { images, count, file }: ImageSet,
  kind: FeatureKind,
  length: number,
  channels: number,
): FeatureSet {
  const means = kind === 'training' ? count * channels : 0;
  return {
    images: { images: shareBytes(images), count, file },
    kind,
    features: new Uint8Array(new SharedArrayBuffer(count * length)),
    means: new Float32Array(new SharedArrayBuffer(4 * means)),
  };
}

const tested = (set: ImageSet, { features }: FeatureSet): ImageSet => ({
  ...set,
  file: undefined,
  // Numbers instead of bytes: what is published is measured exactly.
  images: new Uint8Array(new SharedArrayBuffer(0)),
  inputs: new Float32Array(features.buffer),
});

async function computeOnThreads(
  data: FeatureData,
  { onImages, signal }: FeatureOptions,
): Promise<FeatureAnswer> {
  signal?.throwIfAborted();
  const total = data.sets.reduce((sum, { images }) => sum + images.count, 0);
  const fitting = Math.floor(total / minImagesPerThread);
  const count = Math.max(1, Math.min(availableParallelism(), fitting));
  const threads = Array.from({ length: count }, () => startThread(data));
  const stop = () => Promise.all(threads.map((thread) => thread.terminate()));
  signal?.addEventListener('abort', stop);
  const tasks = tasksOf(data);
  let done = 0;
  let lastMessage = performance.now();
  const answer: FeatureAnswer = { fault: null };
  onImages?.(0, total);
  const work = async (thread: Worker) => {
    for (const task of tasks) {
      answer.fault ??= (await compute(thread, task)).fault;
      done += task.end - task.from;
      if (performance.now() - lastMessage < messageIntervalMs) continue;
      lastMessage = performance.now();
      onImages?.(done, total);
    }
  };
  try {
    await Promise.all(threads.map(work));
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
    await stop();
  }
  onImages?.(total, total);
  return answer;
}

function* tasksOf({ sets }: FeatureData): Generator<FeatureTask, void, void> {
  for (const [set, { images }] of sets.entries()) {
    for (let from = 0; from < images.count; from += chunkImages) {
      yield { set, from, end: Math.min(images.count, from + chunkImages) };
    }
  }
}

/** The program beside this file: TypeScript in the repository, JavaScript in the installed package. */
const workerFile = new URL(`./compute-features-worker${extname(import.meta.url)}`, import.meta.url);

/** Without this process's own flags, such as those that make `node --eval` a module. */
const startThread = (workerData: FeatureData) =>
  new Worker(workerFile, { workerData, execArgv: [] });

async function compute(thread: Worker, task: FeatureTask): Promise<FeatureAnswer> {
  const controller = new AbortController();
  const { signal } = controller;
  const exit = once(thread, 'exit', { signal }).then(([code]) => {
    throw new Error(`A thread that computes features ended with exit code ${code}.`);
  });
  try {
    thread.postMessage(task);
    // `once` also rejects on the thread's 'error' event, with the thread's own error.
    const [answer] = await Promise.race([once(thread, 'message', { signal }), exit]);
    return answer as FeatureAnswer;
  } finally {
    exit.catch(() => {});
    controller.abort();
  }
}
