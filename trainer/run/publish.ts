import { createHash, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { io } from '@tensorflow/tfjs-core';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import {
  type Manifest,
  type Metrics,
  metricsSchema,
  type Training,
} from '../../shared/registry/manifest.ts';
import { userAtHost } from '../registry/aliases.ts';
import type { Bucket } from '../registry/bucket.ts';
import { type AliasMoveResult, moveAlias } from '../registry/move-alias.ts';
import { modelFiles, publishVersion } from '../registry/publish-version.ts';
import { readSigningKey } from '../registry/signature.ts';
import { readRun } from './read-run.ts';
import { evaluationBytes, type TestAnswers } from './run-folder.ts';

export interface EpochToPublish {
  spec: ModelSpec;
  dataset: Manifest['dataset'];
  artifacts: io.ModelArtifacts;
  answers: TestAnswers;
  metrics: Metrics;
  training: Training;
  alias: string;
  force: boolean;
  signingKey: KeyObject | undefined;
}

/** Publishes an epoch's weights as a version. Points the alias at it unless the alias serves a more accurate version. */
export async function publishEpoch(
  bucket: Bucket,
  runFolder: string,
  epoch: EpochToPublish,
): Promise<{ manifest: Manifest; move: AliasMoveResult }> {
  const { spec, dataset, metrics, training, alias, force, signingKey } = epoch;
  const files = modelFiles(epoch.artifacts);
  const config = await readFile(join(runFolder, 'config.json'));
  const manifest = await publishVersion(bucket, {
    spec,
    files,
    evaluation: evaluationBytes(epoch.answers, files['weights.bin']),
    metrics,
    training,
    dataset,
    configSha256: createHash('sha256').update(config).digest('hex'),
    signingKey,
  });
  const move = await moveAlias(bucket, {
    name: spec.name,
    alias,
    version: manifest.version,
    action: 'publish',
    by: userAtHost(),
    ...(force && { force, reason: 'catwalk train --force' }),
  });
  return { manifest, move };
}

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

/**
 * Publishes a run's model as a version, and points the alias at it if one is named.
 *
 * @returns the manifest, and what became of the alias; null if none was named
 */
export async function publishRun(
  bucket: Bucket,
  folder: string,
  { alias, by = userAtHost(), reason, force, tolerance, sign }: PublishRunOptions,
): Promise<{ manifest: Manifest; move: AliasMoveResult | null }> {
  const signingKey = sign === undefined ? undefined : await readSigningKey(sign);
  const { config, configSha256, epoch, training, files, evaluation } = await readRun(folder);
  const { spec, dataset, parent } = config;
  const manifest = await publishVersion(bucket, {
    spec,
    files,
    evaluation,
    metrics: metricsSchema.parse(epoch),
    training,
    dataset,
    configSha256,
    parent,
    signingKey,
  });
  if (alias === undefined) return { manifest, move: null };
  const { name, version } = manifest;
  const mover = { by, reason, force, tolerance };
  const move = await moveAlias(bucket, { name, alias, version, action: 'publish', ...mover });
  return { manifest, move };
}
