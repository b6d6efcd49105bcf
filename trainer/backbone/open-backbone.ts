/** Opens the pretrained layers of MobileNet: from the cache, their official address, or a folder or URL that the user names. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { dispose, io, type Tensor } from '@tensorflow/tfjs-core';
import { defaultCacheFolder, writeAtomically } from '../../node/files.ts';
import { modelJsonSchema } from '../../shared/registry/manifest.ts';
import { messageOf } from '../data/dataset.ts';
import { download } from '../data/mirror-source.ts';
import { unpackFile } from '../data/parse-dataset.ts';
import { type LayerTensor, shapeText, sizeOf } from '../weights/tensor.ts';
import { foldNormalization, type Normalization } from './fold-normalization.ts';
import {
  convolutions,
  mobilenetShards,
  mobilenetUrl,
  type NamedShape,
  statistics,
} from './mobilenet-files.ts';

/** Pretrained layers that a network starts from. */
export interface Backbone {
  /** Kernel and bias of each convolution, in order, with its batch normalization folded in. */
  weights: LayerTensor[];
  /** The place that they come from, for people. */
  source: string;
}

export interface BackboneOptions {
  /** A folder or URL with another layers model of the same topology (default: the official address, pinned and cached). */
  backbone?: string | undefined;
  /** The folder for fetched files (default: catwalk/datasets in the XDG cache folder). */
  cacheDir?: string | undefined;
  /** The official address (default: `mobilenetUrl`). */
  url?: string | undefined;
  fetch?: typeof globalThis.fetch | undefined;
  onProgress?: ((message: string) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** The pretrained layers can't be had, or are not MobileNet's. */
class BackboneError extends Error {
  override name = 'BackboneError';
}

/**
 * Opens MobileNet's pretrained layers. TensorFlow.js must have a current backend.
 *
 * @throws {BackboneError} if they can't be read or fetched, with the next step, or have other names or shapes
 */
export async function openBackbone(options: BackboneOptions = {}): Promise<Backbone> {
  const { backbone } = options;
  const { tensors, source } =
    backbone === undefined ? await readOfficial(options) : await readModel(backbone, options);
  return { weights: foldedWeights(tensors, source), source };
}

/** Identifies pretrained layers by their values, wherever they come from. */
export function hashOfWeights(weights: readonly LayerTensor[]): string {
  const hash = createHash('sha256');
  for (const { values } of weights) hash.update(values);
  return hash.digest('hex');
}

/** Weights by their names. */
type NamedTensors = Map<string, LayerTensor>;

/** Keras's default, with which the backbone was trained. */
const epsilon = 1e-3;

function foldedWeights(tensors: NamedTensors, source: string): LayerTensor[] {
  const find = ({ name, shape }: NamedShape): LayerTensor => {
    const found = tensors.get(name);
    if (found && String(found.shape) === String(shape)) return found;
    const instead = found ? `has ${shapeText(found.shape)}` : 'is missing';
    throw new BackboneError(
      `${source} is not MobileNet v1 with a quarter of the channels: the weight ${name} ${shapeText(shape)} ${instead}. Use a layers model with this topology, or leave out --backbone.`,
    );
  };
  return convolutions.flatMap(({ kernel, normalization, channels }) => {
    const entries = statistics.map((name) => [
      name,
      find({ name: `${normalization}/${name}`, shape: [channels] }).values,
    ]);
    return foldNormalization(find(kernel), Object.fromEntries(entries) as Normalization, epsilon);
  });
}

/** Files that are fetched at the same time. */
const fetchedAtOnce = 8;

async function readOfficial(options: BackboneOptions) {
  const { cacheDir = defaultCacheFolder(), url: base = mobilenetUrl } = options;
  const folder = join(cacheDir, 'mobilenet_v1_0.25_224');
  const tensors: NamedTensors = new Map();
  const rest = mobilenetShards.values();
  const work = async () => {
    for (const { file, weights } of rest) {
      const bytes = await readShard(file, folder, base, options);
      const values = new Float32Array(new Uint8Array(bytes).buffer);
      let offset = 0;
      for (const { name, shape } of weights) {
        const length = sizeOf(shape);
        tensors.set(name, { shape, values: values.subarray(offset, offset + length) });
        offset += length;
      }
    }
  };
  await Promise.all(Array.from({ length: fetchedAtOnce }, work));
  return { tensors, source: base };
}

async function readShard(
  file: (typeof mobilenetShards)[number]['file'],
  folder: string,
  base: string,
  { fetch, onProgress, signal }: BackboneOptions,
): Promise<Uint8Array> {
  const path = join(folder, file.name);
  // Missing or damaged: it is fetched.
  const cached = await readFile(path)
    .then((bytes) => unpackFile(file, bytes, path))
    .catch(() => null);
  if (cached) return cached.content;
  if (file === mobilenetShards[0]?.file) onProgress?.(`Fetching MobileNet from ${base}`);
  const url = new URL(file.name, base).href;
  const { content } = await download(url, file.bytes, { fetch, signal })
    .then((bytes) => unpackFile(file, bytes, url))
    .catch((cause: unknown) => {
      signal?.throwIfAborted();
      throw new BackboneError(
        `MobileNet's pretrained layers could not be fetched: ${url}: ${messageOf(cause)}. Next: connect this machine to the network. Or copy ${folder} from a machine that has trained mobilenet. Or name a folder with the layers model: --backbone <folder>. Or train without pretrained layers: --network tutorial.`,
        { cause },
      );
    });
  await writeAtomically(path, content, signal).catch((error: Error) => {
    signal?.throwIfAborted();
    onProgress?.(`${file.name} could not be cached: ${error.message}`);
  });
  return content;
}

/** The whole model has 2 MB. */
const maxFileBytes = 64 * 2 ** 20;

/** Reads a layers model from a folder or a URL: model.json and the files that it names. */
async function readModel(place: string, { fetch, signal }: BackboneOptions) {
  const isUrl = /^https?:\/\//.test(place);
  const base = isUrl ? place.replace(/(model\.json|\/)?$/, '/') : resolve(place);
  const read = async (name: string): Promise<Uint8Array> => {
    const path = isUrl ? new URL(name, base).href : join(base, name);
    try {
      return await (isUrl ? download(path, maxFileBytes, { fetch, signal }) : readFile(path));
    } catch (cause) {
      signal?.throwIfAborted();
      throw new BackboneError(
        `--backbone: ${path} can't be read: ${messageOf(cause)}. Name a folder or URL with a layers model: model.json and its files of weights.`,
        { cause },
      );
    }
  };
  const text = new TextDecoder().decode(await read('model.json'));
  const { weightsManifest } = parseModel(text, base);
  const tensors: NamedTensors = new Map();
  for (const { paths, weights } of weightsManifest) {
    const parts = await Promise.all(paths.map(read));
    const bytes = new Uint8Array(Buffer.concat(parts)).buffer;
    const decoded = decode(bytes, weights as io.WeightsManifestEntry[], base);
    for (const [name, tensor] of Object.entries(decoded)) {
      tensors.set(name, { shape: tensor.shape, values: tensor.dataSync<'float32'>().slice() });
    }
    dispose(decoded);
  }
  return { tensors, source: place };
}

function parseModel(text: string, base: string) {
  try {
    return modelJsonSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new BackboneError(
      `--backbone: model.json in ${base} is not a layers model of TensorFlow.js: ${messageOf(cause)}`,
      { cause },
    );
  }
}

function decode(
  bytes: ArrayBuffer,
  weights: io.WeightsManifestEntry[],
  base: string,
): Record<string, Tensor> {
  try {
    return io.decodeWeights(bytes, weights);
  } catch (cause) {
    throw new BackboneError(
      `--backbone: the files of weights in ${base} are not those that model.json describes: ${messageOf(cause)}`,
      { cause },
    );
  }
}
