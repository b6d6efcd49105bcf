import type { io } from '@tensorflow/tfjs-core';
import type { Manifest, Metrics, Training } from '../../shared/manifest.ts';
import type { ModelSpec } from '../../shared/model-spec.ts';
import type { Dataset } from '../dataset/dataset.ts';
import type { Bucket } from '../publish/bucket.ts';
import { type AliasMoveResult, moveAlias } from '../publish/move-alias.ts';
import { publishVersion } from '../publish/publish-version.ts';

export interface EpochToPublish {
  spec: ModelSpec;
  dataset: Pick<Dataset, 'name' | 'files'>;
  artifacts: io.ModelArtifacts;
  metrics: Metrics;
  training: Training;
  alias: string;
  force: boolean;
}

/** Publishes an epoch's weights as a version and points the alias at it, unless it serves a better one. */
export async function publishEpoch(
  bucket: Bucket,
  { spec, dataset, artifacts, metrics, training, alias, force }: EpochToPublish,
): Promise<{ manifest: Manifest; move: AliasMoveResult }> {
  const manifest = await publishVersion(bucket, {
    spec,
    artifacts,
    metrics,
    training,
    dataset: { name: dataset.name, files: dataset.files },
  });
  const move = await moveAlias(bucket, { name: spec.name, alias, manifest, force });
  return { manifest, move };
}
