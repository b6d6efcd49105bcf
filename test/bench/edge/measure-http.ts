import autocannon from 'autocannon';
import { median } from '../machine.ts';
import { percentile } from './percentile.ts';
import type { HttpRow } from './report.ts';

export interface HttpTarget {
  route: string;
  /** The Worker's address. */
  url: string;
  requests: autocannon.Request[];
}

export interface HttpOptions {
  rounds: number;
  /** The duration of one measurement. */
  seconds: number;
  progress: (line: string) => void;
}

/** Concurrent requests when requests per second are measured. p50 and p99 are measured with one at a time. */
const connections = 8;

/** Sends requests to each route in turn, over loopback: first one at a time, then eight. */
export async function measureHttp(
  targets: readonly HttpTarget[],
  { rounds, seconds, progress }: HttpOptions,
): Promise<HttpRow[]> {
  const series = targets.map((target) => ({
    target,
    milliseconds: [] as number[],
    requestsPerSecond: [] as number[],
  }));
  for (const { target } of series) {
    await askOnce(target);
    await load(target, connections, seconds);
  }
  for (let round = 1; round <= rounds; round++) {
    for (const { target, milliseconds, requestsPerSecond } of series) {
      milliseconds.push(...(await load(target, 1, seconds)).milliseconds);
      requestsPerSecond.push((await load(target, connections, seconds)).requestsPerSecond);
    }
    progress(`http: round ${round} of ${rounds}`);
  }
  return series.map(({ target, milliseconds, requestsPerSecond }) => ({
    route: target.route,
    p50Ms: percentile(milliseconds, 0.5),
    p99Ms: percentile(milliseconds, 0.99),
    requestsPerSecond: median(requestsPerSecond),
  }));
}

/** A Worker's first answer may take longer than a whole measurement. */
async function askOnce({ route, url, requests: [first] }: HttpTarget): Promise<void> {
  const { method = 'GET', path = '/', body } = first ?? {};
  const response = await fetch(`${url}${path}`, {
    method,
    body: body === undefined ? null : new Uint8Array(Buffer.from(body)),
  });
  if (!response.ok) throw new Error(`${route}: ${await response.text()}`);
  await response.arrayBuffer();
}

/** @throws {Error} if an answer is not 200 */
async function load({ route, url, requests }: HttpTarget, connections: number, seconds: number) {
  // Autocannon's own histogram counts whole milliseconds, and its duration whole intervals.
  const milliseconds: number[] = [];
  const start = performance.now();
  let end = start;
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const options = { url, requests, connections, duration: seconds, sampleInt: 50 };
    const instance = autocannon(options, (error, done) => (error ? reject(error) : resolve(done)));
    instance.on('response', (_client, _status, _bytes, responseTime) => {
      milliseconds.push(responseTime);
      end = performance.now();
    });
  });
  if (result.non2xx > 0 || result.errors > 0 || milliseconds.length === 0) {
    throw new Error(`${route}: ${result.non2xx} answers not 200, ${result.errors} errors.`);
  }
  return { milliseconds, requestsPerSecond: milliseconds.length / ((end - start) / 1000) };
}
