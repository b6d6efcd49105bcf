import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { io } from '@tensorflow/tfjs-core';
import { type Manifest, metricsSchema } from '../../shared/registry/manifest.ts';
import { userAtHost } from '../registry/aliases.ts';
import type { Bucket } from '../registry/bucket.ts';
import { type AliasMove, type AliasMoveResult, moveAlias } from '../registry/move-alias.ts';
import { modelFiles, publishVersion, type VersionToPublish } from '../registry/publish-version.ts';
import { readSigningKey } from '../registry/signature.ts';
import { readRun } from './read-run.ts';
import { evaluationBytes, type TestAnswers } from './run-folder.ts';

export type EpochToPublish = Pick<
  VersionToPublish,
  'spec' | 'dataset' | 'metrics' | 'training' | 'parent' | 'signingKey'
> & { artifacts: io.ModelArtifacts; answers: TestAnswers; alias: string; force: boolean };

export interface Publication {
  manifest: Manifest;
  /** The result of moving the alias; null if none was named. */
  move: AliasMoveResult | null;
}

/** Publishes an epoch's weights as a version. Points the alias at it unless the alias serves a more accurate version. */
export async function publishEpoch(
  bucket: Bucket,
  runFolder: string,
  { artifacts, answers, alias, force, ...epoch }: EpochToPublish,
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
  return { manifest, move: await moveTo(bucket, manifest, alias, { ...mover, signingKey }) };
}

const moveTo = (
  bucket: Bucket,
  { name, version }: Manifest,
  alias: string,
  mover: Pick<AliasMove, 'by' | 'reason' | 'force' | 'tolerance' | 'signingKey'>,
) => moveAlias(bucket, { name, alias, version, action: 'publish', ...mover });

export interface PublishRunOptions {
  /** The alias to point at the version. Without it no alias moves. */
  alias?: string | undefined;
  /** Who moves the alias (default: user@host). */
  by?: string | undefined;
  reason?: string | undefined;
  force?: boolean | undefined;
  /** Accepted loss of accuracy, 0 to 1 (default: 0). */
  tolerance?: number | undefined;
  /** Path of an Ed25519 private key that signs the manifest. */
  sign?: string | undefined;
}

/** Publishes a run's model as a version, and points the alias at it if one is named. */
export async function publishRun(
  bucket: Bucket,
  folder: string,
  { alias, by = userAtHost(), reason, force, tolerance, sign }: PublishRunOptions,
): Promise<Publication> {
  const signingKey = sign === undefined ? undefined : await readSigningKey(sign);
  const { config, epoch, ...run } = await readRun(folder);
  const { spec, dataset, parent } = config;
  const metrics = metricsSchema.parse(epoch);
  const version = { ...run, spec, metrics, dataset, parent, signingKey };
  const manifest = await publishVersion(bucket, version);
  if (alias === undefined) return { manifest, move: null };
  const move = await moveTo(bucket, manifest, alias, { by, reason, force, tolerance, signingKey });
  return { manifest, move };
}
