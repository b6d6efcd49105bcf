import type { Bucket } from '../../trainer/registry/bucket.ts';
import { moveAlias } from '../../trainer/registry/move-alias.ts';
import { publishVersion, type VersionToPublish } from '../../trainer/registry/publish-version.ts';

export const alias = 'production';

/** Publishes a version and points the alias at it. */
export async function publish(bucket: Bucket, model: VersionToPublish) {
  const { name, version } = await publishVersion(bucket, model);
  return moveAlias(bucket, { name, alias, version, action: 'publish', by: 'ada@test' });
}
