import { globSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { maxDrainedBytes } from '../../edge/input/body-memory.ts';
import type { OpenApiDocument } from '../../infra/openapi/document.ts';
import { type CostWatch, watchCost } from './cost-watch.ts';
import { learn } from './known.ts';
import { type MemoryWatch, watchMemory } from './memory-watch.ts';
import type { Target } from './open-target.ts';
import { anyRequest } from './requests/any-request.ts';
import type { Material } from './requests/bodies.ts';
import type { RouteRequest } from './requests/route-request.ts';
import { routeChecker } from './route-checker.ts';
import { type SentAnswer, sendRequest } from './send-request.ts';

/** The time limit per request, of the process's CPU. */
const longestMilliseconds = 1000;
/** The time limit of a machine as busy as it may be. */
const patience = 30_000;
/** The number of tries for a slow or lost answer. A fault that a request causes occurs every time. */
const attempts = 3;

/** workerd's own isolates in front of the Worker, which serve the static assets, collect their garbage late. */
const minForProcess = 20_000;

export interface RouteFuzzOptions {
  requests: number;
  seed: number;
  onProgress: (tried: number) => void;
}

export interface RouteFuzzReport {
  /** The number of answers per status; `none` counts answers that workerd cut off because the body was not read. */
  statuses: Record<string, number>;
  costs: CostWatch;
  memory: MemoryWatch['readings'];
}

/**
 * Sends requests of every kind to every route, one after the other, each followed by a valid one.
 *
 * @throws {Error} with the smallest failing request, if an answer is not documented or takes longer than 1 s, if a valid
 * request's answer changes, or if memory grows
 */
export async function fuzzRoutes(
  target: Target,
  material: Material,
  { requests, seed, onProgress }: RouteFuzzOptions,
): Promise<RouteFuzzReport> {
  const { url } = target;
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as OpenApiDocument;
  const known = await learn(url, target);
  const assets = assetPaths();
  const faultOf = routeChecker(document, new Set(assets));
  const agent = new Agent({ keepAlive: true });
  const goods = await Promise.all(
    goodRequests(known.model, material).map(async (request) => ({
      request,
      answer: await ask(url, request, agent),
    })),
  );
  const memory = watchMemory(target, requests, minForProcess);
  const costs = watchCost(target);
  const report: RouteFuzzReport = { statuses: {}, costs, memory: memory.readings };
  let tried = 0;

  async function tryRequest(request: RouteRequest): Promise<void> {
    const answer = await askMeasured(request).catch(async (error) => {
      if (await isCutOff(request, error)) return null;
      throw error;
    });
    const status = answer?.status ?? 'none';
    report.statuses[status] = (report.statuses[status] ?? 0) + 1;
    const fault = answer && faultOfAnswer(request, answer);
    const good = goods[tried % goods.length] as (typeof goods)[number];
    const next = await ask(url, good.request, agent);
    const isRight = next.status === 200 && Buffer.compare(next.body, good.answer.body) === 0;
    const faults = [
      ...(fault ? [fault] : []),
      ...(isRight ? [] : [`the next ${good.request.target} got ${Buffer.from(next.body)}`]),
    ];
    if (faults.length > 0) throw new Error(faults.join('\n'));
    tried += 1;
    await memory.after(tried);
    onProgress(tried);
  }

  async function askMeasured(request: RouteRequest): Promise<SentAnswer> {
    for (let attempt = 1; ; attempt++) {
      const { answer, milliseconds } = await costs.measure(summaryOf(request), () =>
        ask(url, request, agent),
      );
      if (milliseconds <= longestMilliseconds || attempt === attempts) {
        return { ...answer, milliseconds };
      }
    }
  }

  /**
   * workerd answers requests for static assets, and with invalid URLs, without reading the body. If the body is still arriving, the system
   * discards the answer. The Worker itself reads the body, up to 32 MiB; each of its answers has an id.
   */
  async function isCutOff(request: RouteRequest, { cause }: Error): Promise<boolean> {
    const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? '';
    if (request.body === null || !['EPIPE', 'ECONNRESET'].includes(code)) return false;
    if (request.body.byteLength > maxDrainedBytes) return true;
    const { headers } = await ask(url, { ...request, body: null }, agent);
    return headers['x-request-id'] === undefined;
  }

  function faultOfAnswer(request: RouteRequest, answer: SentAnswer): string | null {
    return answer.milliseconds > longestMilliseconds
      ? `took ${answer.milliseconds.toFixed(0)} ms`
      : faultOf(request, answer);
  }

  try {
    for (const { request, answer } of goods) {
      if (answer.status !== 200) {
        throw new Error(`${request.target} got ${answer.status}: ${Buffer.from(answer.body)}`);
      }
    }
    await fc.assert(
      fc.asyncProperty(anyRequest({ document, known, material, assets }), tryRequest),
      { numRuns: requests, seed, includeErrorInReport: true },
    );
  } finally {
    agent.destroy();
  }
  memory.check();
  return report;
}

async function ask(url: string, request: RouteRequest, agent: Agent): Promise<SentAnswer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await sendRequest(url, request, agent, patience);
    } catch (cause) {
      if (attempt === attempts) throw new Error(`no answer: ${cause}`, { cause });
    }
  }
}

/** @returns a request in a line; that of the slowest is found again by the seed */
const summaryOf = ({ method, target, headers, body }: RouteRequest) =>
  `${method} ${target.slice(0, 80)} ${headers['content-type']?.slice(0, 40) ?? ''} ${body?.length ?? 0} bytes, which start with ${startOf(body ?? new Uint8Array())}`;

const startOf = (body: Uint8Array) =>
  JSON.stringify(Buffer.from(body.subarray(0, 60)).toString('latin1'));

/** Requests whose answers must not change. */
function goodRequests(model: string, { pixels }: Material): RouteRequest[] {
  const image = pixels.subarray(0, 784);
  const request = (method: string, target: string, type = '', body: Uint8Array | null = null) => ({
    method,
    target,
    body,
    isChunked: false,
    headers: type === '' ? {} : { 'content-type': type },
  });
  const post = (target: string, value: unknown) =>
    request('POST', target, 'application/json', Buffer.from(JSON.stringify(value)));
  const data = Array.from(image);
  const input = { name: 'images', shape: [1, 784], datatype: 'UINT8', data };
  return [
    request('GET', '/predict?index=3&alias=production'),
    request('POST', '/predict?alias=production', 'application/octet-stream', image),
    post('/predict?alias=candidate&echo=true', { images: [data, { pixels: data }] }),
    post(`/v1/models/${model}/labels/production:predict`, { instances: [data] }),
    post(`/v2/models/${model}/infer?alias=production`, { inputs: [input] }),
    request('GET', '/images/7.png?scale=2'),
    request('GET', '/model?alias=candidate'),
  ];
}

/** @returns the paths of the page's files, without `.html` */
function assetPaths(): string[] {
  const folder = join(import.meta.dirname, '../../edge/page/build');
  return globSync('**/*.*', { cwd: folder })
    .filter((file) => file !== '_headers')
    .map((file) => `/${file.replace(/(^index)?\.html$/, '')}`);
}
