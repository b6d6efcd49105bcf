import { fashionMnistCnn } from '../../../shared/model/model-spec.ts';
import { type Bucket, openBucket } from '../../../trainer/registry/bucket.ts';
import { moveAlias } from '../../../trainer/registry/move-alias.ts';
import { publishVersion } from '../../../trainer/registry/publish-version.ts';
import { uploadTestSet } from '../../../trainer/registry/test-set.ts';
import { fixtureDataset } from '../datasets/fixture-dataset.ts';
import { trainedModel } from './trained-model.ts';

export interface PublishedModels {
  bucket: Bucket;
  /** Of the seeds, in their order; production names the first. */
  versions: string[];
}

/** Puts the fixture's test set and a version of fresh weights for each seed into a local Worker's bucket. */
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
