/** The program of a worker thread, which reads image files. Only read-images.ts starts it. */
import { parentPort, workerData } from 'node:worker_threads';
import { type ReadSettings, readImageFile } from './read-image-file.ts';

parentPort?.on('message', async (paths: readonly string[]) => {
  const results = [];
  for (const path of paths) results.push(await readImageFile(path, workerData as ReadSettings));
  parentPort?.postMessage(results);
});
