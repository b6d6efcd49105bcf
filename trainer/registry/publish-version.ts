import { hash, type KeyObject } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { io } from '@tensorflow/tfjs-core';
import { version_layers } from '@tensorflow/tfjs-layers';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import { versionOf } from '../../shared/model/names.ts';
import { evaluationFile } from '../../shared/registry/evaluation.ts';
import {
  type Manifest,
  type Metrics,
  manifestSchema,
  type PublishedFile,
  type Training,
} from '../../shared/registry/manifest.ts';
import type { PutOptions } from '../../shared/registry/object-store.ts';
import type { Bucket } from './bucket.ts';
import { requireConditions, type StoredFile } from './conditional-writes.ts';
import { RegistryError } from './errors.ts';
import { readJson, toJsonBytes } from './read-json.ts';
import { isSignedBy, signManifest } from './signature.ts';

export interface VersionToPublish {
  spec: ModelSpec;
  files: ModelFiles;
  /** The content of evaluation.json, if there is a record for each test image. */
  evaluation?: Uint8Array | undefined;
  metrics: Metrics;
  training: Training;
  dataset: Manifest['dataset'];
  configSha256?: string | undefined;
  parent?: Manifest['parent'];
  /** An Ed25519 private key to sign the manifest with. */
  signingKey?: KeyObject | undefined;
  /** Time of the publication (default: now, by the store's clock). */
  now?: Date;
}

/** The files of a version never change. */
const cacheControl = 'public, max-age=31536000, immutable';
const json = { contentType: 'application/json', cacheControl };
const binary = { contentType: 'application/octet-stream', cacheControl };

/**
 * Uploads a model as a new version: weights, topology, evaluation, signature, and last the manifest, which makes the version
 * exist. No object is ever rewritten. If the same model with the same metrics is already published, its manifest is returned,
 * and signed if it was not.
 *
 * @throws {RegistryError} if another model has this version's name, or another key has signed it, or the store ignores
 *   conditional writes
 * @throws {StoreError} if the bucket can't be used
 */
export async function publishVersion(bucket: Bucket, version: VersionToPublish): Promise<Manifest> {
  const { spec, evaluation, metrics, training, dataset, configSha256, parent } = version;
  const { signingKey } = version;
  // The weights come first, because their hash is part of the version's name.
  const contents = (['weights.bin', 'model.json'] as const).map(
    (path) => [path, version.files[path]] as const,
  );
  const files = contents.map(([path, bytes]) => describeFile(path, bytes));
  const content = {
    model: spec,
    files,
    ...(evaluation && { evaluation: describeFile(evaluationFile, evaluation) }),
    metrics,
    training,
    dataset,
    ...(configSha256 && { configSha256 }),
    ...(parent && { parent }),
  };
  const manifestAt = (now: Date): Manifest =>
    manifestSchema.parse({
      schemaVersion: 1,
      name: spec.name,
      version: versionOf(now, files[0]?.sha256 ?? ''),
      createdAt: now.toISOString(),
      ...content,
    });
  const published = await findSame(bucket, manifestAt(new Date()));
  if (published) {
    await requireConditions(bucket, [{ ...published, options: json }]);
    if (signingKey) await putSignature(bucket, published.value, published.bytes, signingKey);
    return published.value;
  }

  const manifest = manifestAt(version.now ?? bucket.now());
  const written = evaluation ? [...contents, [evaluationFile, evaluation] as const] : contents;
  const stored: StoredFile[] = [];
  for (const [path, bytes] of written) {
    const key = bucket.layout.versionFile(spec.name, manifest.version, path);
    const options = path.endsWith('.json') ? json : binary;
    await putOnce(bucket, key, bytes, options);
    stored.push({ key, bytes, options });
  }
  await requireConditions(bucket, stored);
  const bytes = toJsonBytes(manifest);
  if (signingKey) await putSignature(bucket, manifest, bytes, signingKey);
  await putOnce(bucket, bucket.layout.manifest(spec.name, manifest.version), bytes, json);
  return manifest;
}

const describeFile = (path: string, bytes: Uint8Array): PublishedFile => ({
  path,
  bytes: bytes.byteLength,
  sha256: hash('sha256', bytes),
});

/** Finds the version again if the answer to the last request of its publication was lost. */
async function findSame(bucket: Bucket, manifest: Manifest) {
  const { layout } = bucket;
  const ending = `${manifest.version.slice(manifest.version.indexOf('-'))}/`;
  for (const folder of await bucket.list(layout.versions(manifest.name))) {
    if (!folder.endsWith(ending)) continue;
    const key = layout.manifest(manifest.name, folder.slice(0, -1));
    const stored = await readJson(bucket, key, manifestSchema);
    if (!stored || !isDeepStrictEqual(identityOf(stored.value), identityOf(manifest))) continue;
    return { key, ...stored };
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
  throw new RegistryError(
    `${key} in ${bucket.url} was signed by another key, and versions are never rewritten. Train again for a new version.`,
  );
}

/** Another writer may be writing the object (HTTP 409), or may have deleted it. */
const maxAttempts = 3;

async function putOnce(
  bucket: Bucket,
  key: string,
  bytes: Uint8Array,
  options: PutOptions,
): Promise<void> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    if (await bucket.putIfAbsent(key, bytes, options)) return;
    // The same bytes are ours: from an interrupted upload, or from a write whose answer was lost.
    const stored = await bucket.get(key);
    if (stored && Buffer.compare(stored.bytes, bytes) === 0) return;
    if (stored) {
      throw new RegistryError(
        `${key} already exists in ${bucket.url} with other content, and versions are never rewritten. Publish again for a new version.`,
      );
    }
  }
  throw new RegistryError(
    `${key} in ${bucket.url} could not be written, because another publisher is writing it. Try again later.`,
  );
}

/** The files that any TensorFlow.js program loads with `tf.loadLayersModel(url)`. */
export type ModelFiles = Record<'weights.bin' | 'model.json', Uint8Array>;

/**
 * Encodes a saved layers model as files.
 *
 * @param artifacts from `model.save(tf.io.withSaveHandler(…))`
 * @throws {TypeError} if the topology or weights are missing
 */
export function modelFiles(artifacts: io.ModelArtifacts): ModelFiles {
  const { modelTopology, weightSpecs, weightData } = artifacts;
  if (!modelTopology || !weightSpecs || !weightData) {
    throw new TypeError('The model artifacts have no topology, weight specs or weights.');
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
