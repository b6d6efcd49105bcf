import { createHash, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { io } from '@tensorflow/tfjs-core';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import type { Manifest, Metrics, Training } from '../../shared/registry/manifest.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Bucket } from '../registry/bucket.ts';
import { type AliasMoveResult, moveAlias } from '../registry/move-alias.ts';
import { modelFiles, publishVersion } from '../registry/publish-version.ts';
import { userAtHost } from '../registry/write-alias.ts';
import { evaluationBytes, type TestAnswers } from './run-folder.ts';

export interface EpochToPublish {
  /** The run's folder. */
  run: string;
  spec: ModelSpec;
  dataset: Pick<Dataset, 'name' | 'files'>;
  artifacts: io.ModelArtifacts;
  answers: TestAnswers;
  metrics: Metrics;
  training: Training;
  alias: string;
  force: boolean;
  signingKey: KeyObject | undefined;
}

/** Publishes an epoch's weights as a version and points the alias at it, unless it serves a better one. */
export async function publishEpoch(
  bucket: Bucket,
  epoch: EpochToPublish,
): Promise<{ manifest: Manifest; move: AliasMoveResult }> {
  const { run, spec, dataset, metrics, training, alias, force, signingKey } = epoch;
  const files = modelFiles(epoch.artifacts);
  const config = await readFile(join(run, 'config.json'));
  const manifest = await publishVersion(bucket, {
    spec,
    files,
    evaluation: evaluationBytes(epoch.answers, files['weights.bin']),
    metrics,
    training,
    dataset: { name: dataset.name, files: dataset.files },
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
