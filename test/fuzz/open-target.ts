import { join } from 'node:path';
import { startLocalWorker } from '../../infra/local/worker.ts';
import { fashionMnistCnn } from '../../shared/model/model-spec.ts';
import { moveAlias } from '../../trainer/registry/move-alias.ts';
import { bundleProduction } from '../bench/edge/bundle.ts';
import { heapUsage, residentBytes, workerdProcesses } from '../bench/edge/measure-memory.ts';
import { openWorker } from '../bench/edge/open-worker.ts';
import { publishModels } from '../support/models/publish-models.ts';

/** A Worker to fuzz: the deployed script in a workerd of its own, over HTTP. */
export interface Target {
  url: string;
  /** The versions in the bucket; the last one is corrupt. */
  versions: string[];
  aliases: string[];
  /** The number of images in the test set. */
  images: number;
  memory(): Promise<Memory>;
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

/**
 * @param folder an empty one, to work in
 * @param withAssets whether the page and the other static assets are served
 * @returns the Worker, with three versions of fresh weights, an alias each of the first two, and feedback on
 */
export async function openTarget(folder: string, withAssets: boolean): Promise<Target> {
  const persistTo = join(folder, 'bucket');
  const [versions, bundle] = await Promise.all([
    fillBucket(persistTo),
    bundleProduction(join(folder, 'bundle')),
  ]);
  const before = await workerdProcesses();
  const worker = await openWorker({
    bundle,
    folder,
    persistTo,
    inspect: true,
    withAssets,
    variables: {
      FEEDBACK: 'on',
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
