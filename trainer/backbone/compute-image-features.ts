import { hash } from 'node:crypto';
import type { FoldedSpec } from '../../shared/model/training-spec.ts';
import { readCached, writeCached } from '../data/image-cache.ts';
import { type LayerTensor, sizeOf } from '../weights/tensor.ts';
import { type CompiledModel, openCompiledModel } from './compiled-model.ts';
import { drawView } from './draw-view.ts';
import { maxFeature, type SplitNetwork } from './split-network.ts';

/** What is computed of each image. */
export interface FeatureSettings {
  network: SplitNetwork;
  /** Kernel and bias of each of the network's convolutions, in order. */
  weights: readonly LayerTensor[];
  /** The views of each training image. */
  views: number;
  /** The folder of the cache's entries for these settings; null: no cache. */
  cacheFolder: string | null;
}

/** Training images have features of several views, as bytes; those that the network is tested on of one, as float32. */
export type FeatureKind = 'training' | 'test';

/** The results of one image, which the next image may overwrite. */
export interface ImageFeatures {
  /** [view][height][width][channels] of the network's trained part; the bytes of float32 numbers for a test image. */
  features: Uint8Array;
  /** Means of the channels of the last convolution, before any training. */
  means: Float32Array;
  /** Why the result can't be cached, if it was computed. */
  fault?: string | undefined;
}

/** Opens a function from the pixels of an image to its features, from the cache if it has them. TensorFlow.js must use cpu. */
export function openImageFeatures({ network, weights, views, cacheFolder }: FeatureSettings) {
  const { frozen, trained } = network;
  const scale = frozen.preprocessing;
  const head = headOf(trained);
  const frozenWeights = weights.slice(0, 2 * frozen.layers.length);
  const compute: CompiledModel = openCompiledModel(frozen, frozenWeights);
  const computeMeans = openCompiledModel(head, weights.slice(frozenWeights.length));
  const input = new Float32Array(sizeOf(frozen.inputShape));
  const output = new Float32Array(sizeOf(trained.inputShape));
  const means = new Float32Array(channelsOf(weights));
  const cached = new Uint8Array(
    Math.max(views, output.BYTES_PER_ELEMENT) * output.length + means.byteLength,
  );

  function computeFeatures(pixels: Uint8Array, kind: FeatureKind, seed: string): Uint8Array {
    const show = (view: number) => {
      drawView(pixels, frozen.inputShape, scale, view, seed, input);
      compute(input, output);
    };
    show(0);
    computeMeans(output, means);
    if (kind === 'test') return bytesOf(output).slice();
    const features = new Uint8Array(views * output.length);
    for (let view = 0; view < views; view++) {
      if (view > 0) show(view);
      const target = features.subarray(view * output.length, (view + 1) * output.length);
      for (let i = 0; i < output.length; i++) {
        // Rounds to the nearest. Math.round took as long as the layers between two of these loops.
        target[i] = ((output[i] as number) * 255) / maxFeature + 0.5;
      }
    }
    return features;
  }

  return async (pixels: Uint8Array, kind: FeatureKind): Promise<ImageFeatures> => {
    const sha256 = hash('sha256', pixels);
    // Both kinds have their own entry.
    const entry = hash('sha256', `${kind} ${sha256}`);
    const length = (kind === 'training' ? views : output.BYTES_PER_ELEMENT) * output.length;
    const content = cached.subarray(0, length + means.byteLength);
    if (cacheFolder && readCached(cacheFolder, entry, content)) {
      // A copy, as the numbers may start anywhere in the entry.
      const numbers = new Float32Array(content.slice(length).buffer);
      return { features: content.subarray(0, length), means: numbers };
    }
    const features = computeFeatures(pixels, kind, sha256);
    const result = { features, means: means.slice() };
    if (!cacheFolder) return result;
    const computed = Buffer.concat([features, bytesOf(means)]);
    const fault = await writeCached(cacheFolder, entry, computed).then(
      () => undefined,
      (error: Error) => error.message,
    );
    return { ...result, fault };
  };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** The trained part until the means of its channels. */
function headOf(trained: FoldedSpec): FoldedSpec {
  const end = trained.layers.findIndex(({ type }) => type === 'globalAveragePool') + 1;
  return { ...trained, layers: trained.layers.slice(0, end) };
}

const channelsOf = (weights: readonly LayerTensor[]) => weights.at(-1)?.shape[0] ?? 0;
