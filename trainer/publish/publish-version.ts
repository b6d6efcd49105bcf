import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { io } from '@tensorflow/tfjs-core';
import {
  type Manifest,
  type Metrics,
  manifestSchema,
  type PublishedFile,
  type Training,
} from '../../shared/manifest.ts';
import type { ModelSpec } from '../../shared/model-spec.ts';
import { versionOf } from '../../shared/version.ts';
import type { Bucket, PutOptions } from './bucket.ts';
import { ConditionFailedError } from './bucket-errors.ts';
import { modelFiles } from './model-files.ts';
import { toJsonBytes } from './read-json.ts';
import { readManifest } from './read-served.ts';

export interface VersionToPublish {
  spec: ModelSpec;
  /** What `model.save(tf.io.withSaveHandler(…))` hands over. */
  artifacts: io.ModelArtifacts;
  metrics: Metrics;
  training: Training;
  dataset: Manifest['dataset'];
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
 * Uploads a model as a new version: weights, topology, then the manifest, without which the version does not exist. Nothing
 * stored is ever rewritten. The same model with the same metrics is published once: its manifest is returned again.
 *
 * @throws {BucketError} where the bucket can't be used
 * @throws {VersionConflictError} where another model was published under the same name
 */
export async function publishVersion(
  bucket: Bucket,
  { spec, artifacts, metrics, training, dataset, now = new Date() }: VersionToPublish,
): Promise<Manifest> {
  const contents = Object.entries(modelFiles(artifacts));
  const files = contents.map(([path, bytes]) => describeFile(path, bytes));
  const weightsSha256 = files[0]?.sha256 ?? '';
  const manifest = manifestSchema.parse({
    schemaVersion: 1,
    name: spec.name,
    version: versionOf(now, weightsSha256),
    createdAt: now.toISOString(),
    model: spec,
    files,
    metrics,
    training,
    dataset,
  });
  const published = await findSame(bucket, manifest);
  if (published) return published;

  for (const [path, bytes] of contents) {
    const key = bucket.layout.versionFile(spec.name, manifest.version, path);
    await putOnce(bucket, key, bytes, path.endsWith('.json') ? json : binary);
  }
  const key = bucket.layout.manifest(spec.name, manifest.version);
  await putOnce(bucket, key, toJsonBytes(manifest), json);
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
async function findSame(bucket: Bucket, manifest: Manifest): Promise<Manifest | null> {
  const ending = `${manifest.version.slice(manifest.version.indexOf('-'))}/manifest.json`;
  const start = bucket.layout.versions(manifest.name);
  for (const key of await bucket.list(start)) {
    if (!key.endsWith(ending)) continue;
    const version = key.slice(start.length, -'/manifest.json'.length);
    const stored = await readManifest(bucket, manifest.name, version);
    if (stored && isDeepStrictEqual(identityOf(stored), identityOf(manifest))) return stored;
  }
  return null;
}

const identityOf = ({ model, files, metrics, training, dataset }: Manifest) => ({
  model,
  files,
  metrics,
  training,
  dataset,
});

async function putOnce(
  bucket: Bucket,
  key: string,
  bytes: Uint8Array,
  options: Pick<PutOptions, 'contentType' | 'cacheControl'>,
) {
  try {
    await bucket.put(key, bytes, { ...options, ifNoneMatch: '*' });
  } catch (error) {
    if (!(error instanceof ConditionFailedError)) throw error;
    // Ours from an upload that was cut short or answered twice, unless the bytes differ.
    const stored = await bucket.get(key);
    if (stored && Buffer.compare(stored.bytes, bytes) === 0) return;
    throw new VersionConflictError(
      `${key} is already in ${bucket.url} with other content, and versions are never rewritten. Publish again for a new version.`,
      { cause: error },
    );
  }
}
