/** The model that a training starts from: a run, a version in a bucket, or a file of PyTorch's. */
import { stat } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import { flagOf, UsageError } from '../../node/options.ts';
import { isMobilenet } from '../../shared/model/mobilenet.ts';
import {
  cnnFor,
  type DatasetShape,
  inputOptionsFor,
  type ModelSpec,
  modelNameFor,
  modelSpecSchema,
  type Scale,
} from '../../shared/model/model-spec.ts';
import { aliasNameSchema, modelNameSchema, versionSchema } from '../../shared/model/names.ts';
import type { Manifest } from '../../shared/registry/manifest.ts';
import { openBackend } from '../backend/open-backend.ts';
import { inputOf, type PictureOptions } from '../data/dataset.ts';
import { versionOfAlias } from '../registry/aliases.ts';
import type { BucketSettings } from '../registry/bucket-location.ts';
import { downloadVersion } from '../registry/versions.ts';
import { fromPytorch } from '../weights/pytorch.ts';
import { readModelWeights } from '../weights/read-model-weights.ts';
import { noteOnKeys, readWeightsFile } from '../weights/read-weights-file.ts';
import {
  type LayerTensor,
  type NamedTensor,
  shapeText,
  WeightsFileError,
} from '../weights/tensor.ts';
import { readRun } from './read-run.ts';

export interface ParentModel {
  /** The manifest's `parent`. */
  origin: NonNullable<Manifest['parent']>;
  /** Which of several weights in a file were taken. */
  note?: string | null;
  /** The input that it takes, for folders of images (default: decided by them). */
  input?: Pick<PictureOptions, 'colour' | 'size'>;
  isMobilenet?: boolean;
  /** Returns the network for a data set and its first weights. */
  fit(dataset: DatasetShape): FittedModel;
}

export interface FittedModel {
  spec: ModelSpec;
  /** Kernel and bias of each layer, in order; without the last layer's if the labels differ. */
  weights: LayerTensor[];
  isNewLastLayer: boolean;
}

/**
 * Opens the model that `--from` names.
 *
 * @param from a run's folder, `s3://bucket/prefix/models/<name>/versions/<version>` or `…/aliases/<alias>`, or a file
 * @throws {UsageError} if the address in a bucket is not one of these, or an option for files is given for another model
 * @throws {Error} if there is no such model, or it can't be read
 */
export async function openParent(
  from: string,
  { key, mean, std, ...connection }: WeightsFileOptions & Omit<BucketSettings, 'url'>,
): Promise<ParentModel> {
  const isInBucket = from.startsWith('s3://');
  const stats = isInBucket ? null : await stat(from).catch(() => null);
  const isFile = !isInBucket && !stats?.isDirectory();
  if (isFile) return parentFile(from, { key, mean, std });
  const [given] = Object.entries({ key, mean, std }).find(([, value]) => value !== undefined) ?? [];
  if (given !== undefined) {
    throw new UsageError(
      `${flagOf(given)}: is only for a file of weights; ${from} has its own. Leave it out.`,
    );
  }
  return isInBucket ? parentInBucket(from, connection) : parentRun(from);
}

export interface WeightsFileOptions {
  /** The place of the weights in a checkpoint: names of keys, joined by dots (default: the first place with weights). */
  key?: string | undefined;
  /** The scale with which the network was trained: a pixel p in 0..255 becomes `(p / 255 - mean) / std` (default: 0.5 and 0.5). */
  mean?: Scale['mean'] | undefined;
  std?: Scale['std'] | undefined;
}

async function parentRun(folder: string): Promise<ParentModel> {
  const { id, config, epoch, files } = await readRun(folder);
  const origin = { file: `${id}/model/weights.bin`, sha256: epoch.weightsSha256 };
  return parentOf(origin, config.spec, { ...files });
}

const addressSchema = z.object({
  url: z.string(),
  name: modelNameSchema,
  version: z.optional(versionSchema),
  alias: z.optional(aliasNameSchema),
});

async function parentInBucket(
  from: string,
  connection: Omit<BucketSettings, 'url'>,
): Promise<ParentModel> {
  const [, url, name, kind, last] =
    /^(s3:\/\/.+?)\/models\/([^/]+)\/(versions|aliases)\/([^/]+?)(?:\.json|\/)?$/.exec(from) ?? [];
  const key = kind === 'versions' ? 'version' : 'alias';
  const parsed = addressSchema.safeParse({ url, name, [key]: last });
  if (!parsed.success) {
    throw new UsageError(
      `--from: ${from} does not name a model. Write s3://bucket/prefix/models/<name>/versions/<version> or …/aliases/<alias>; \`catwalk models\` lists both.`,
    );
  }
  const { openBucket } = await import('../registry/bucket.ts');
  const bucket = openBucket({ ...connection, url: parsed.data.url });
  const { name: model, alias = '' } = parsed.data;
  const version = parsed.data.version ?? (await versionOfAlias(bucket, model, alias));
  const { manifest, files } = await downloadVersion(bucket, model, version);
  return parentOf({ version, name: model }, manifest.model, files);
}

async function parentOf(
  origin: ParentModel['origin'],
  parent: ModelSpec,
  files: Record<string, Uint8Array>,
): Promise<ParentModel> {
  await openBackend('cpu');
  const weights = await readModelWeights(parent, files);
  return {
    origin,
    input: inputOf(inputOptionsFor(parent)),
    isMobilenet: isMobilenet(parent),
    fit(dataset) {
      const spec = continuedSpec(dataset, parent);
      if (String(parent.inputShape) !== String(spec.inputShape)) {
        throw new UsageError(
          `--from: ${parent.name} takes images of ${shapeText(parent.inputShape)}, but ${dataset.name} has ${shapeText(spec.inputShape)}. Choose a model or a data set of the same size.`,
        );
      }
      const isNewLastLayer = !isDeepStrictEqual([...parent.labels], [...spec.labels]);
      return fitted(spec, weights, isNewLastLayer);
    },
  };
}

async function parentFile(
  file: string,
  { key, mean, std }: WeightsFileOptions,
): Promise<ParentModel> {
  const { name, sha256, tensors, ...found } = await readWeightsFile(file, key);
  return {
    origin: { file: name, sha256 },
    note: noteOnKeys(found),
    fit(dataset) {
      const spec = withScale(cnnFor({ ...dataset, scale: undefined }), mean, std);
      // A file does not name its labels. As many are taken for the same ones.
      const labels = labelsIn(tensors, spec) ?? spec.labels.length;
      const names = Array.from({ length: labels }, (_, id) => `label ${id}`);
      try {
        const weights = fromPytorch(tensors, cnnFor({ ...dataset, labels: names }));
        return fitted(spec, weights, labels !== spec.labels.length);
      } catch (cause) {
        if (!(cause instanceof WeightsFileError)) throw cause;
        throw new WeightsFileError(`${file}: ${cause.message}`, { cause });
      }
    },
  };
}

/** Returns a network whose pixels have another scale, if one is given. */
export function withScale(
  { preprocessing, ...network }: ModelSpec,
  mean = preprocessing.mean,
  std = preprocessing.std,
): ModelSpec {
  return { ...network, preprocessing: { ...preprocessing, mean, std } };
}

/** Returns the number of outputs of the tensor that fits the network's last layer, whatever its labels. */
function labelsIn(tensors: readonly NamedTensor[], { layers }: ModelSpec): number | undefined {
  const hidden = layers.findLast((layer) => layer.type === 'dense' && layer.activation === 'relu');
  const inputs = hidden?.type === 'dense' ? hidden.units : undefined;
  return tensors.findLast(({ shape }) => shape.length === 2 && shape[1] === inputs)?.shape[0];
}

const fitted = (spec: ModelSpec, weights: LayerTensor[], isNewLastLayer: boolean): FittedModel => ({
  spec,
  weights: isNewLastLayer ? weights.slice(0, -2) : weights,
  isNewLastLayer,
});

/** Returns the network for a data set that has another model's layers and scale of pixels, with one output per label. */
export function continuedSpec(
  dataset: DatasetShape,
  { layers, preprocessing: { mean, std } }: Pick<ModelSpec, 'layers' | 'preprocessing'>,
): ModelSpec {
  const { name, height, width, channels = 1, labels, fit, background } = dataset;
  const output = layers.findLastIndex(({ type }) => type === 'dense');
  return modelSpecSchema.parse({
    name: modelNameFor(name),
    inputShape: [height, width, channels],
    layers: layers.map((layer, index) =>
      index === output && layer.type === 'dense' ? { ...layer, units: labels.length } : layer,
    ),
    labels,
    preprocessing: { mean, std, fit, background },
  } satisfies { [Key in keyof ModelSpec]: unknown });
}
