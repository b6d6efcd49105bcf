import { join } from 'node:path';
import { startLocalWorker } from '../../infra/local/worker.ts';
import { fashionMnistCnn } from '../../shared/model/model-spec.ts';
import { moveAlias } from '../../trainer/registry/move-alias.ts';
import { bundleProduction } from '../bench/edge/bundle.ts';
import { heapUsage, residentBytes, workerdProcesses } from '../bench/edge/measure-memory.ts';
import { type OpenWorkerOptions, openWorker } from '../bench/edge/open-worker.ts';
import { publishModels } from '../support/models/publish-models.ts';

/** A Worker to fuzz: the deployed script in a separate workerd, over HTTP. */
export interface Target {
  url: string;
  /** The versions in the bucket; the last one is corrupt. */
  versions: string[];
  aliases: string[];
  /** The number of images in the test set. */
  images: number;
  memory(): Promise<Memory>;
  /** The id of its process; null if the system has no /proc. */
  process: string | null;
  close(): Promise<void>;
}

/** The Worker's heap in bytes after garbage collection. */
export interface Memory {
  heap: number;
  arrayBuffers: number;
  /** Resident memory of the whole process; 0 if the system has no /proc. */
  process: number;
}

const { name } = fashionMnistCnn;
const damaged = '20260101T000000Z-00000000';

/** @returns the Worker of `prepareTarget` */
export const openTarget = async (folder: string, withAssets: boolean): Promise<Target> =>
  (await prepareTarget(folder))(withAssets);

/**
 * Bundles the Worker and fills its bucket: three versions of fresh weights, an alias each of the first two.
 *
 * @param folder an empty one, to work in
 * @returns a function that starts a Worker with a copy of the bucket and feedback on, optionally with the page and the other static assets
 */
export async function prepareTarget(folder: string) {
  const persistTo = join(folder, 'bucket');
  const [versions, bundle] = await Promise.all([
    fillBucket(persistTo),
    bundleProduction(join(folder, 'bundle')),
  ]);
  return (withAssets: boolean) => startTarget({ bundle, folder, persistTo, withAssets }, versions);
}

async function startTarget(options: OpenWorkerOptions, versions: string[]): Promise<Target> {
  const before = await workerdProcesses();
  const worker = await openWorker({
    ...options,
    inspect: true,
    variables: {
      FEEDBACK: 'open',
      CORS_ORIGINS: 'https://example.com',
      CANARY_ALIAS: 'candidate',
      CANARY_PERCENT: '20',
      LOG_LEVEL: 'off',
    },
  });
  const [id] = (await workerdProcesses()).filter((each) => !before.includes(each));
  return {
    url: worker.url,
    versions,
    aliases: ['production', 'candidate'],
    images: 100,
    process: id ?? null,
    async memory() {
      const awaken = async () => (await fetch(`${worker.url}/healthz`)).arrayBuffer();
      const inspectorUrl = worker.inspectorUrl ?? '';
      const { usedSize, backingStorageSize } = await heapUsage(inspectorUrl, awaken);
      const process = id === undefined ? 0 : await residentBytes(id);
      return { heap: usedSize, arrayBuffers: backingStorageSize, process };
    },
    close: worker.close,
  };
}

async function fillBucket(persistTo: string): Promise<string[]> {
  const publisher = await startLocalWorker({ port: 0, persistTo });
  try {
    const { bucket, versions } = await publishModels(publisher.env, [1, 2, 3]);
    const [, version = ''] = versions;
    await moveAlias(bucket, {
      name,
      alias: 'candidate',
      version,
      action: 'publish',
      by: 'the test',
    });
    const json = { contentType: 'application/json' };
    await bucket.put(bucket.layout.manifest(name, damaged), Buffer.from('{"name": "x"}'), json);
    return [...versions, damaged];
  } finally {
    await publisher.stop();
  }
}
