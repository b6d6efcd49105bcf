import { createHash, type KeyObject } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { io } from '@tensorflow/tfjs-core';
import { version_layers } from '@tensorflow/tfjs-layers';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import { versionOf } from '../../shared/registry/bucket-layout.ts';
import { evaluationFile } from '../../shared/registry/evaluation.ts';
import {
  type Manifest,
  type Metrics,
  manifestSchema,
  type PublishedFile,
  type Training,
} from '../../shared/registry/manifest.ts';
import type { Bucket, PutOptions } from './bucket.ts';
import { ConditionFailedError } from './bucket-errors.ts';
import { readJson, toJsonBytes } from './read-json.ts';
import { isSignedBy, signManifest } from './signature.ts';

export interface VersionToPublish {
  spec: ModelSpec;
  files: ModelFiles;
  /** evaluation.json, where the model was measured image by image. */
  evaluation?: Uint8Array | undefined;
  metrics: Metrics;
  training: Training;
  dataset: Manifest['dataset'];
  configSha256?: string | undefined;
  parent?: Manifest['parent'];
  /** An Ed25519 private key that signs the manifest; unsigned without. */
  signingKey?: KeyObject | undefined;
  /** When the version is made; the present unless told. */
  now?: Date;
}

/** Another model already has this version's name, or some of its files. */
export class VersionConflictError extends Error {
  override name = 'VersionConflictError';
}

/** What is written once may be kept for ever. */
const immutable = 'public, max-age=31536000, immutable';

/**
 * Uploads a model as a new version: weights, topology, evaluation, signature, then the manifest, without which the version does not
 * exist. Nothing stored is ever rewritten. The same model with the same metrics is published once: its manifest is returned
 * again, and signed where it was not.
 *
 * @throws {BucketError} where the bucket can't be used
 * @throws {VersionConflictError} where another model was published under the same name, or signed by another key
 */
export async function publishVersion(bucket: Bucket, version: VersionToPublish): Promise<Manifest> {
  const { spec, evaluation, metrics, training, dataset, configSha256, parent } = version;
  const { signingKey, now = new Date() } = version;
  // The weights first: they decide the version's name.
  const contents = (['weights.bin', 'model.json'] as const).map(
    (path) => [path, version.files[path]] as const,
  );
  const files = contents.map(([path, bytes]) => describeFile(path, bytes));
  const manifest = manifestSchema.parse({
    schemaVersion: 1,
    name: spec.name,
    version: versionOf(now, files[0]?.sha256 ?? ''),
    createdAt: now.toISOString(),
    model: spec,
    files,
    ...(evaluation && { evaluation: describeFile(evaluationFile, evaluation) }),
    metrics,
    training,
    dataset,
    ...(configSha256 && { configSha256 }),
    ...(parent && { parent }),
  });
  const published = await findSame(bucket, manifest);
  if (published) {
    if (signingKey) await putSignature(bucket, published.value, published.bytes, signingKey);
    return published.value;
  }

  const written = evaluation ? [...contents, [evaluationFile, evaluation] as const] : contents;
  for (const [path, bytes] of written) {
    const key = bucket.layout.versionFile(spec.name, manifest.version, path);
    await putOnce(bucket, key, bytes, path.endsWith('.json') ? json : binary);
  }
  const bytes = toJsonBytes(manifest);
  if (signingKey) await putSignature(bucket, manifest, bytes, signingKey);
  await putOnce(bucket, bucket.layout.manifest(spec.name, manifest.version), bytes, json);
  return manifest;
}

const json = { contentType: 'application/json', cacheControl: immutable };
const binary = { contentType: 'application/octet-stream', cacheControl: immutable };

function describeFile(path: string, bytes: Uint8Array): PublishedFile {
  return {
    path,
    bytes: bytes.byteLength,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  };
}

/** A publisher that lost the answer to its last request finds its version again, instead of making a second one. */
async function findSame(bucket: Bucket, manifest: Manifest) {
  const ending = `${manifest.version.slice(manifest.version.indexOf('-'))}/manifest.json`;
  for (const { key } of await bucket.list(bucket.layout.versions(manifest.name))) {
    if (!key.endsWith(ending)) continue;
    const stored = await readJson(bucket, key, manifestSchema);
    if (stored && isDeepStrictEqual(identityOf(stored.value), identityOf(manifest))) return stored;
  }
  return null;
}

const identityOf = ({ version: _, createdAt: __, ...rest }: Manifest) => rest;

async function putSignature(
  bucket: Bucket,
  { name, version }: Manifest,
  manifest: Uint8Array,
  signingKey: KeyObject,
): Promise<void> {
  const key = bucket.layout.signature(name, version);
  const stored = await bucket.get(key);
  if (stored === null) return putOnce(bucket, key, signManifest(manifest, signingKey), binary);
  if (isSignedBy(manifest, stored.bytes, signingKey)) return;
  throw new VersionConflictError(
    `${key} is already in ${bucket.url}, and not by this key. Versions are never rewritten: train again for a new one.`,
  );
}

/** Another writer may hold the key for the moment (HTTP 409), or be gone again. */
const attempts = 3;

async function putOnce(
  bucket: Bucket,
  key: string,
  bytes: Uint8Array,
  options: Pick<PutOptions, 'contentType' | 'cacheControl'>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await bucket.put(key, bytes, { ...options, ifNoneMatch: '*' });
      return;
    } catch (error) {
      if (!(error instanceof ConditionFailedError)) throw error;
      // Ours from an upload that was cut short or answered twice, unless the bytes differ.
      const stored = await bucket.get(key);
      if (stored && Buffer.compare(stored.bytes, bytes) === 0) return;
      if (stored) {
        throw new VersionConflictError(
          `${key} is already in ${bucket.url} with other content, and versions are never rewritten. Publish again for a new version.`,
          { cause: error },
        );
      }
      if (attempt === attempts) throw error;
    }
  }
}

/** The two files of a model that any TensorFlow.js program loads with `tf.loadLayersModel(url)`. */
export type ModelFiles = Record<'weights.bin' | 'model.json', Uint8Array>;

/**
 * Turns a saved layers model into its files.
 *
 * @param artifacts what `model.save(tf.io.withSaveHandler(…))` hands over
 * @throws {TypeError} where topology or weights are missing
 */
export function modelFiles(artifacts: io.ModelArtifacts): ModelFiles {
  const { modelTopology, weightSpecs, weightData } = artifacts;
  if (!modelTopology || !weightSpecs || !weightData) {
    throw new TypeError('The artifacts of a model need its topology, weight specs and weights.');
  }
  const buffers = Array.isArray(weightData) ? weightData : [weightData];
  return {
    'weights.bin': new Uint8Array(Buffer.concat(buffers.map((buffer) => new Uint8Array(buffer)))),
    'model.json': toJsonBytes({
      format: 'layers-model',
      generatedBy: `TensorFlow.js tfjs-layers v${version_layers}`,
      convertedBy: null,
      modelTopology,
      weightsManifest: [{ paths: ['weights.bin'], weights: weightSpecs }],
    }),
  };
}
