import { fashionMnistCnn } from '../../../shared/model/model-spec.ts';
import { type Bucket, openBucket } from '../../../trainer/registry/bucket.ts';
import { moveAlias } from '../../../trainer/registry/move-alias.ts';
import { publishVersion } from '../../../trainer/registry/publish-version.ts';
import { uploadTestSet } from '../../../trainer/registry/test-set.ts';
import { fixtureDataset } from '../datasets/fixture-dataset.ts';
import { trainedModel } from './trained-model.ts';

export interface PublishedModels {
  bucket: Bucket;
  /** One per seed, in order; production names the first. */
  versions: string[];
}

/** Uploads the fixture's test set, and publishes an untrained version per seed. */
export async function publishModels(
  environment: Record<string, string>,
  seeds: number[],
): Promise<PublishedModels> {
  const bucket = openBucket({ url: 's3://catwalk', environment });
  await uploadTestSet(bucket, await fixtureDataset());
  const versions: string[] = [];
  for (const seed of seeds) {
    const { version } = await publishVersion(bucket, await trainedModel(seed, 0.1));
    versions.push(version);
  }
  const [version = ''] = versions;
  const { name } = fashionMnistCnn;
  const by = 'the test';
  await moveAlias(bucket, { name, alias: 'production', version, action: 'publish', by });
  return { bucket, versions };
}
