import { join } from 'node:path';
import { startLocalWorker } from '../../infra/local/worker.ts';
import { bundleProduction } from '../bench/edge/bundle.ts';
import { type OpenWorker, openWorker } from '../bench/edge/open-worker.ts';
import { type FailingReads, startFailingReads } from './failing-reads.ts';
import { type PublishedVersions, publishVersions } from './publish-versions.ts';

/** A Worker to test under load, which reads a bucket that can fail. */
export interface LoadTarget {
  published: PublishedVersions;
  worker: Pick<OpenWorker, 'url'>;
  store: FailingReads;
  close(): Promise<void>;
}

/** `candidate` names the first. `production` names the others in turn. */
const versions = 10;

/**
 * @param folder an empty one, to work in
 * @param random a number from 0 to below 1, for what fails
 * @returns the Worker as it is deployed, in a workerd of its own, and ten versions in a bucket that it reads over the S3 API, through a proxy
 */
export async function openTarget(folder: string, random: () => number): Promise<LoadTarget> {
  const persistTo = join(folder, 'bucket');
  const server = await startLocalWorker({ port: 0, persistTo });
  const closing = [server.stop];
  const close = async () => {
    for (const end of closing.toReversed()) await end();
  };
  try {
    const seeds = Array.from({ length: versions }, (_, i) => i + 1);
    const published = await publishVersions(server.env, seeds);
    const store = await startFailingReads(server.s3Endpoint, random);
    closing.push(store.stop);
    const worker = await openWorker({
      bundle: await bundleProduction(join(folder, 'bundle')),
      folder,
      variables: {
        ...server.env,
        S3_BUCKET: 'catwalk',
        AWS_ENDPOINT_URL: store.endpoint,
        LOG_LEVEL: 'off',
      },
    });
    closing.push(worker.close);
    return { published, worker, store, close };
  } catch (error) {
    await close();
    throw error;
  }
}
