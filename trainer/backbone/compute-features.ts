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
import { imageIn } from '../data/image-set.ts';
import { type LayerTensor, sizeOf } from '../weights/tensor.ts';
import type { FeatureTask } from './compute-features-worker.ts';
import type { FeatureKind, FeatureSettings, ImageFeatures } from './compute-image-features.ts';
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
  const train = resultsOf(sets.train, 'training', views * perView, channels);
  const test = resultsOf(sets.test, 'test', 4 * perView, channels);
  const validation = sets.validation
    ? resultsOf(sets.validation, 'test', 4 * perView, channels)
    : null;
  const all = [train, ...(validation ? [validation] : []), test];
  const { fault } = await computeOnThreads(all, settings, options);
  if (fault !== undefined) onProgress?.(`Features could not be cached: ${fault}`);
  else if (folder) await pruneFolder(folder, maxCacheBytes);
  return {
    train: { ...sets.train, images: train.features, file: undefined },
    validation: validation && tested(validation),
    test: tested(test),
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

/** A set of images, and memory that threads share for the results. */
interface Results {
  set: ImageSet;
  kind: FeatureKind;
  /** Bytes of an image's features. */
  length: number;
  features: Uint8Array;
  means: Float32Array;
}

function resultsOf(set: ImageSet, kind: FeatureKind, length: number, channels: number): Results {
  const features = new Uint8Array(new SharedArrayBuffer(set.count * length));
  const means = new Float32Array(kind === 'training' ? set.count * channels : 0);
  return { set, kind, length, features, means };
}

const tested = ({ set, features }: Results): ImageSet => ({
  ...set,
  file: undefined,
  // Numbers instead of bytes: what is published is measured exactly.
  images: new Uint8Array(new SharedArrayBuffer(0)),
  inputs: new Float32Array(features.buffer),
});

interface Chunk {
  results: Results;
  from: number;
  to: number;
}

async function computeOnThreads(
  sets: readonly Results[],
  settings: FeatureSettings,
  { onImages, signal }: FeatureOptions,
): Promise<{ fault?: string | undefined }> {
  signal?.throwIfAborted();
  const total = sets.reduce((sum, { set }) => sum + set.count, 0);
  const fitting = Math.floor(total / minImagesPerThread);
  const count = Math.max(1, Math.min(availableParallelism(), fitting));
  const threads = Array.from({ length: count }, () => startThread(settings));
  const stop = () => Promise.all(threads.map((thread) => thread.terminate()));
  signal?.addEventListener('abort', stop);
  const chunks = chunksOf(sets);
  let done = 0;
  let lastMessage = performance.now();
  let fault: string | undefined;
  onImages?.(0, total);
  const work = async (thread: Worker) => {
    for (const chunk of chunks) {
      for (const [i, result] of (await compute(thread, chunk)).entries()) {
        store(chunk.results, chunk.from + i, result);
        fault ??= result.fault;
      }
      done += chunk.to - chunk.from;
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
  return { fault };
}

function* chunksOf(sets: readonly Results[]): Generator<Chunk, void, void> {
  for (const results of sets) {
    const { count } = results.set;
    for (let from = 0; from < count; from += chunkImages) {
      yield { results, from, to: Math.min(count, from + chunkImages) };
    }
  }
}

function store({ length, features, means, kind }: Results, image: number, result: ImageFeatures) {
  features.set(result.features, image * length);
  if (kind === 'training') means.set(result.means, image * result.means.length);
}

/** The program beside this file: TypeScript in the repository, JavaScript in the installed package. */
const workerFile = new URL(`./compute-features-worker${extname(import.meta.url)}`, import.meta.url);

/** Without this process's own flags, such as those that make `node --eval` a module. */
const startThread = (settings: FeatureSettings) =>
  new Worker(workerFile, { workerData: settings, execArgv: [] });

async function compute(thread: Worker, { results, from, to }: Chunk): Promise<ImageFeatures[]> {
  const { set, kind } = results;
  // Copies: a message takes the whole memory that a view is of.
  const pixels = Array.from({ length: to - from }, (_, i) => imageIn(set, from + i).slice());
  const controller = new AbortController();
  const { signal } = controller;
  const exit = once(thread, 'exit', { signal }).then(([code]) => {
    throw new Error(`A thread that computes features ended with exit code ${code}.`);
  });
  try {
    thread.postMessage({ kind, pixels } satisfies FeatureTask);
    // `once` also rejects on the thread's 'error' event, with the thread's own error.
    const [answer] = await Promise.race([once(thread, 'message', { signal }), exit]);
    return answer as ImageFeatures[];
  } finally {
    exit.catch(() => {});
    controller.abort();
  }
}
