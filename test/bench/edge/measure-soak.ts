import { heapUsage, residentBytes, workerdProcesses } from './measure-memory.ts';
import { type OpenWorkerOptions, openWorker } from './open-worker.ts';
import type { SoakRow } from './report.ts';

export interface SoakOptions extends OpenWorkerOptions {
  /** Images to predict; the last request may go beyond. */
  predictions: number;
  progress: (line: string) => void;
}

/** Some predictions run one by one and some in batches, as in the routes. */
const batches = [1, 16];
const passes = 64;
const readings = 10;

/** Predicts test images again and again with the Worker of workers/catwalk.ts, and measures its memory ten times. */
export async function measureSoak({
  predictions,
  progress,
  ...open
}: SoakOptions): Promise<SoakRow[]> {
  const before = new Set(await workerdProcesses());
  const worker = await openWorker({ ...open, inspect: true });
  try {
    const [process] = (await workerdProcesses()).filter((id) => !before.has(id));
    const rows: SoakRow[] = [];
    let done = 0;
    for (let reading = 1; reading <= readings; reading++) {
      while (done < (predictions * reading) / readings) {
        for (const batch of batches) {
          const response = await fetch(`${worker.url}/forward?batch=${batch}&times=${passes}`);
          if (!response.ok) throw new Error(`The Worker answered ${response.status}.`);
          done += Number(await response.text());
        }
      }
      const { usedSize, backingStorageSize } = await heapUsage(worker.inspectorUrl ?? '', () =>
        fetch(`${worker.url}/forward?batch=1&times=1`),
      );
      rows.push({
        predictions: done,
        heapBytes: usedSize,
        arrayBufferBytes: backingStorageSize,
        processBytes: process === undefined ? null : await residentBytes(process),
      });
      progress(
        `soak: ${done} of ${predictions} predictions; ${Math.round((usedSize + backingStorageSize) / 1e6)} MB held`,
      );
    }
    return rows;
  } finally {
    await worker.close();
  }
}
