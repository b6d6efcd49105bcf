import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { type Bucket, openBucket } from '../../../trainer/registry/bucket.ts';

/** The variables that open the local S3 API, for processes that a test starts. */
export const bucketEnvironment = inject('bucketEnvironment');

/** Opens an empty bucket: a prefix of its own in the local S3 API. */
export const openLocalBucket = (options: { listPageSize?: number } = {}): Bucket =>
  openBucket({
    url: `s3://catwalk/${randomUUID()}`,
    environment: bucketEnvironment,
    ...options,
  });

/** Records the keys that are written, in order. */
export function recordWrites(bucket: Bucket) {
  const written: string[] = [];
  const recording: Bucket = {
    ...bucket,
    put(key, bytes, options) {
      written.push(key);
      return bucket.put(key, bytes, options);
    },
    putIfAbsent(key, bytes, options) {
      written.push(key);
      return bucket.putIfAbsent(key, bytes, options);
    },
  };
  return { bucket: recording, written };
}
