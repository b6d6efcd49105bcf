import { Agent, request } from 'node:http';
import * as z from 'zod';
import type { Contestant } from './contestant.ts';
import { type OpenWorkerOptions, openWorker } from './open-worker.ts';

const logitsSchema = z.array(z.number());

export interface WorkerContestant extends Contestant {
  /** @param range the images (default: the first 64) */
  logits(batch: number, range?: { first: number; count: number }): Promise<number[]>;
}

/** A contestant that is a Worker made with workers/forward-worker.ts; timed from outside, over one connection. */
export async function workerContestant(
  name: string,
  options: OpenWorkerOptions,
): Promise<WorkerContestant> {
  const worker = await openWorker(options);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = (path: string) => get(`${worker.url}${path}`, agent);
  return {
    name,
    async logits(batch, range) {
      const images = range ? `&first=${range.first}&count=${range.count}` : '';
      return logitsSchema.parse(JSON.parse(await ask(`/logits?batch=${batch}${images}`)));
    },
    async time(batch, times) {
      const start = performance.now();
      await ask(`/forward?batch=${batch}&times=${times}`);
      return performance.now() - start;
    },
    async close() {
      agent.destroy();
      await worker.close();
    },
  };
}

/** A plain HTTP request: fetch() takes longer, and varies more, than the request itself. */
function get(url: string, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(body);
        else reject(new Error(`${url} answered ${response.statusCode}: ${body}`));
      });
    });
    asked.on('error', reject);
    asked.end();
  });
}
