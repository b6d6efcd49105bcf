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
    async put(key, bytes, options) {
      const isWritten = await bucket.put(key, bytes, options);
      if (isWritten) written.push(key);
      return isWritten;
    },
    async putIfAbsent(key, bytes, options) {
      const isWritten = await bucket.putIfAbsent(key, bytes, options);
      if (isWritten) written.push(key);
      return isWritten;
    },
  };
  return { bucket: recording, written };
}
