import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { io } from '@tensorflow/tfjs-core';
import { type Manifest, metricsSchema } from '../../shared/registry/manifest.ts';
import { readAlias, userAtHost } from '../registry/aliases.ts';
import type { Bucket } from '../registry/bucket.ts';
import {
  type AliasMove,
  type AliasMoveResult,
  type Gate,
  moveAlias,
} from '../registry/move-alias.ts';
import { modelFiles, publishVersion, type VersionToPublish } from '../registry/publish-version.ts';
import { readSigningKey } from '../registry/signature.ts';
import { readTestSetOf, storeTestSet } from '../registry/test-set.ts';
import { readManifest } from '../registry/versions.ts';
import { readRun } from './read-run.ts';
import { evaluationBytes, type TestAnswers } from './run-folder.ts';
import type { RunConfig } from './run-records.ts';

export type EpochToPublish = Pick<
  VersionToPublish,
  'spec' | 'dataset' | 'metrics' | 'training' | 'parent' | 'signingKey'
> & {
  artifacts: io.ModelArtifacts;
  answers: TestAnswers;
  alias: string;
  force: boolean;
} & Gate;

export interface Publication {
  manifest: Manifest;
  /** The result of moving the alias; null if none was named. */
  move: AliasMoveResult | null;
}

/** Publishes an epoch's weights as a version. Points the alias at it unless the alias serves a more accurate version. */
export async function publishEpoch(
  bucket: Bucket,
  runFolder: string,
  { artifacts, answers, alias, force, margin, compareOn, ...epoch }: EpochToPublish,
): Promise<Publication & { move: AliasMoveResult }> {
  const files = modelFiles(artifacts);
  const config = await readFile(join(runFolder, 'config.json'));
  const manifest = await publishVersion(bucket, {
    ...epoch,
    files,
    evaluation: evaluationBytes(answers, files['weights.bin']),
    configSha256: createHash('sha256').update(config).digest('hex'),
  });
  const mover = { by: userAtHost(), ...(force && { force, reason: 'catwalk train --force' }) };
  const { signingKey } = epoch;
  const gate = { margin, compareOn, signingKey };
  return { manifest, move: await moveTo(bucket, manifest, alias, { ...mover, ...gate }) };
}

const moveTo = (
  bucket: Bucket,
  { name, version }: Manifest,
  alias: string,
  mover: Pick<AliasMove, 'by' | 'reason' | 'force' | 'signingKey'> & Gate,
) => moveAlias(bucket, { name, alias, version, action: 'publish', ...mover });

export interface PublishRunOptions extends Gate {
  /** The alias to point at the version. Without it no alias moves. */
  alias?: string | undefined;
  /** Who moves the alias (default: user@host). */
  by?: string | undefined;
  reason?: string | undefined;
  force?: boolean | undefined;
  /** Path of an Ed25519 private key that signs the manifest. */
  sign?: string | undefined;
}

/** Publishes a run's model as a version, and points the alias at it if one is named. */
export async function publishRun(
  bucket: Bucket,
  folder: string,
  { alias, by = userAtHost(), reason, force, sign, ...gate }: PublishRunOptions,
): Promise<Publication> {
  const signingKey = sign === undefined ? undefined : await readSigningKey(sign);
  const { config, epoch, ...run } = await readRun(folder);
  const { spec, dataset, parent } = config;
  const metrics = metricsSchema.parse(epoch);
  const version = { ...run, spec, metrics, dataset, parent, signingKey };
  const manifest = await publishVersion(bucket, version);
  if (alias === undefined) return { manifest, move: null };
  await storeTestSetToCompare(bucket, manifest, alias, config);
  const { tolerance, margin, compareOn } = gate;
  const mover = { by, reason, force, tolerance, margin, compareOn, signingKey };
  const move = await moveTo(bucket, manifest, alias, mover);
  return { manifest, move };
}

/**
 * Uploads the test set of a version, unserved, if the alias names a version that was tested on another one: both are then measured
 * on it. Without it, the alias stays and the reason says so.
 */
async function storeTestSetToCompare(
  bucket: Bucket,
  manifest: Manifest,
  alias: string,
  { dataset }: RunConfig,
): Promise<void> {
  const pointer = await readAlias(bucket, manifest.name, alias);
  const current = pointer && (await readManifest(bucket, manifest.name, pointer.value.version));
  if (!current || isDeepStrictEqual(current.dataset, manifest.dataset)) return;
  if (await readTestSetOf(bucket, manifest)) return;
  const { loadDataset } = await import('../data/load-dataset.ts');
  const load = loadDataset({ dataset: dataset.origin ?? dataset.name, offline: true });
  const loaded = await load.catch(() => null);
  if (loaded && isDeepStrictEqual(loaded.files, dataset.files)) await storeTestSet(bucket, loaded);
}
