import { join } from 'node:path';
import { startLocalWorker } from '../../infra/local-worker.ts';
import { bundleProduction } from '../bench/edge/bundle.ts';
import { heapUsage, residentBytes, workerdProcesses } from '../bench/edge/measure-memory.ts';
import { openWorker } from '../bench/edge/open-worker.ts';
import { publishModel } from '../bench/edge/publish-model.ts';

/** A Worker to be fuzzed: what is deployed, in a workerd of its own, over HTTP. */
export interface Target {
  url: string;
  memory(): Promise<Memory>;
  close(): Promise<void>;
}

/** What the Worker holds, in bytes. */
export interface Memory {
  heap: number;
  arrayBuffers: number;
  /** Resident, of the whole process; 0 where the system has no /proc. */
  process: number;
}

/**
 * @param folder an empty one, to work in
 * @returns the Worker, with a published model of fresh weights
 */
export async function openTarget(folder: string): Promise<Target> {
  const persistTo = join(folder, 'bucket');
  const publisher = await startLocalWorker({ port: 0, persistTo });
  try {
    await publishModel.untrained()(publisher);
  } finally {
    await publisher.stop();
  }
  const bundle = await bundleProduction(join(folder, 'bundle'));
  const before = await workerdProcesses();
  const worker = await openWorker({ bundle, folder, persistTo, inspect: true });
  const [id] = (await workerdProcesses()).filter((each) => !before.includes(each));
  return {
    url: worker.url,
    async memory() {
      const { usedSize, backingStorageSize } = await heapUsage(worker.inspectorUrl ?? '');
      const process = id === undefined ? 0 : await residentBytes(id);
      return { heap: usedSize, arrayBuffers: backingStorageSize, process };
    },
    close: worker.close,
  };
}
