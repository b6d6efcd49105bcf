import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { type LocalWorker, startLocalWorker } from '../../../infra/local/worker.ts';
import { type Bucket, openBucket } from '../../../trainer/registry/bucket.ts';

/** Runs the local S3 API for the tests of a file. Each bucket that is opened has a prefix of its own. */
export function useLocalBucket() {
  let folder: string;
  let worker: LocalWorker;
  let opened = 0;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'catwalk-bucket-'));
    worker = await startLocalWorker({ port: 0, persistTo: folder });
  }, 120_000);

  afterAll(async () => {
    await worker?.stop();
    await rm(folder, { recursive: true, force: true });
  }, 30_000);

  return {
    worker: () => worker,
    open: (options: { listPageSize?: number } = {}): Bucket =>
      openBucket({ url: `s3://catwalk/test-${opened++}`, environment: worker.env, ...options }),
  };
}

/** Records the keys that are written, in order. */
export function recordWrites(bucket: Bucket) {
  const written: string[] = [];
  const recording: Bucket = {
    ...bucket,
    put(key, bytes, options) {
      written.push(key);
      return bucket.put(key, bytes, options);
    },
  };
  return { bucket: recording, written };
}
