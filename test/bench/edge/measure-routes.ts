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
  /** The same, but that it keeps no logits. */
  noKeptLogits: Bundle;
  /** Grey pixels, 784 bytes per image. */
  testImages: Uint8Array;
  rounds: number;
  seconds: number;
  progress: (line: string) => void;
}

/** So many images are asked for in turn, drawn from the whole test set. */
const draws = 1000;
const imageLength = 784;

/**
 * Loads the Worker's predictions, by index and by PNG, beside routes that answer a constant to the same requests. What is
 * asked for by index was asked for before: once its logits are kept, once the network runs.
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
