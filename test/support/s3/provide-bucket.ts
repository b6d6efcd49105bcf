import type { TestProject } from 'vitest/node';
import { startLocalR2 } from './s3-servers.ts';

/** Starts the bucket that `openLocalBucket` opens, once for all files of a project. */
export default async function provideBucket(project: TestProject): Promise<() => Promise<void>> {
  const { environment, stop } = await startLocalR2();
  project.provide('bucketEnvironment', environment);
  return stop;
}
