/** The program of a worker thread, which reads image files. Only read-images.ts starts it. */
import { parentPort, workerData } from 'node:worker_threads';
import { type ReadSettings, readImageFile } from './read-image-file.ts';
import type { ReadTask } from './read-images.ts';

parentPort?.on('message', async (task: ReadTask) => {
  const results = [];
  for (const { path, row } of task) {
    results.push(await readImageFile(path, row, workerData as ReadSettings));
  }
  parentPort?.postMessage(results);
});
