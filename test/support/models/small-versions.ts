import type { Manifest } from '../../../shared/registry/manifest.ts';
import { readAlias } from '../../../trainer/registry/aliases.ts';
import type { Bucket } from '../../../trainer/registry/bucket.ts';
import { type AliasMove, moveAlias } from '../../../trainer/registry/move-alias.ts';
import { publishVersion } from '../../../trainer/registry/publish-version.ts';
import { openLocalBucket } from '../s3/local-bucket.ts';
import { smallModels } from './small-model.ts';

export const alias = 'production';
export const json = { contentType: 'application/json' };
export const makeModel = await smallModels();
export const { name } = makeModel(0).spec;

let second = 0;

/** Versions, each a second later than the one before. */
export async function publish(bucket: Bucket, accuracies: number[]): Promise<Manifest[]> {
  const manifests: Manifest[] = [];
  for (const accuracy of accuracies) {
    const now = new Date(Date.UTC(2026, 10, 1, 0, 0, second++));
    manifests.push(await publishVersion(bucket, { ...makeModel(accuracy), now }));
  }
  return manifests;
}

export const move = (bucket: Bucket, version: string, changes: Partial<AliasMove> = {}) =>
  moveAlias(bucket, { name, alias, version, action: 'promote', by: 'ada@test', ...changes });

/** A bucket with as many versions, the alias moved to each in turn. */
export async function withVersions(accuracies: number[]) {
  const bucket = openLocalBucket();
  const versions = (await publish(bucket, accuracies)).map(({ version }) => version);
  for (const version of versions) await move(bucket, version);
  return { bucket, versions };
}

export const aliasOf = async (bucket: Bucket) => (await readAlias(bucket, name, alias))?.value;

/** Replaces the weights of a version. */
export const damage = (bucket: Bucket, version: string) =>
  bucket.put(bucket.layout.versionFile(name, version, 'weights.bin'), new Uint8Array(9), json);
