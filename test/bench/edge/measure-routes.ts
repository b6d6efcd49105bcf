import type autocannon from 'autocannon';
import { encode } from 'fast-png';
import seedrandom from 'seedrandom';
import type { Bundle } from './bundle.ts';
import { measureHttp } from './measure-http.ts';
import { names } from './names.ts';
import { type OpenWorkerOptions, openWorker } from './open-worker.ts';
import type { HttpRow } from './report.ts';

export interface RouteOptions {
  open: Omit<OpenWorkerOptions, 'bundle'>;
  constant: Bundle;
  production: Bundle;
  /** The same Worker without a cache of logits. */
  noKeptLogits: Bundle;
  /** Grey pixels, 784 bytes per image. */
  testImages: Uint8Array;
  rounds: number;
  seconds: number;
  progress: (line: string) => void;
}

/** The number of images that are requested in turn, drawn from the whole test set. */
const draws = 1000;
const imageLength = 784;

/**
 * Measures the Worker's predictions, by index and by PNG, and routes that answer a constant to the same requests. Indexed images are
 * measured with cached logits and without.
 */
export async function measureRoutes(options: RouteOptions): Promise<HttpRow[]> {
  const { open, constant, production, noKeptLogits, testImages } = options;
  const random = seedrandom('bench:edge');
  const images = testImages.length / imageLength;
  const indices = Array.from({ length: draws }, () => Math.floor(random() * images));
  const gets = indices.map(
    (index): autocannon.Request => ({ method: 'GET', path: `/predict?index=${index}` }),
  );
  const posts = indices.map((index): autocannon.Request => {
    const data = testImages.subarray(index * imageLength, (index + 1) * imageLength);
    return {
      method: 'POST',
      path: '/predict',
      headers: { 'content-type': 'image/png' },
      body: Buffer.from(encode({ width: 28, height: 28, data, channels: 1, depth: 8 })),
    };
  });
  const workers = [
    await openWorker({ ...open, bundle: constant }),
    await openWorker({ ...open, bundle: production }),
    await openWorker({ ...open, bundle: noKeptLogits }),
  ];
  try {
    const [constantUrl = '', productionUrl = '', noKeptUrl = ''] = workers.map(({ url }) => url);
    return await measureHttp(
      [
        { route: `GET ${names.constant}`, url: constantUrl, requests: gets },
        { route: 'GET /predict, logits kept', url: productionUrl, requests: gets },
        { route: 'GET /predict, network run', url: noKeptUrl, requests: gets },
        { route: `POST ${names.constant}`, url: constantUrl, requests: posts },
        { route: 'POST /predict', url: productionUrl, requests: posts },
      ],
      options,
    );
  } finally {
    for (const worker of workers) await worker.close();
  }
}
