import { Agent } from 'node:http';
import seedrandom from 'seedrandom';
import { fashionMnistCnn } from '../../shared/model/model-spec.ts';
import { moveAlias } from '../../trainer/registry/move-alias.ts';
import { percentile } from '../bench/edge/percentile.ts';
import { type SentAnswer, sendRequest } from '../fuzz/send-request.ts';
import { startAliasMover } from './alias-mover.ts';
import { answerJudge } from './check-answer.ts';
import type { LoadTarget } from './open-target.ts';
import { questions } from './questions.ts';

/** How often the alias moves. */
const moveEveryMilliseconds = 2000;
/** The Worker abandons a hanging store after 20 s (docs/05-http-api.md): no answer may take longer. */
const longestMilliseconds = 20_000;
const mostFaultsKept = 20;

export interface LoadOptions {
  seconds: number;
  connections: number;
  seed: number;
  /** The percentage of the bucket's reads that fail. */
  failing: number;
}

export interface LoadReport extends LoadOptions {
  requests: number;
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  longestMs: number;
  /** The number of answers per status, and per code for problems. */
  outcomes: Record<string, number>;
  /** The same by route. */
  routes: Record<string, Record<string, number>>;
  aliasMoves: number;
  /** By the Worker's own counters. */
  swaps: number;
  loads: number;
  failedLoads: number;
  reads: number;
  failedReads: Record<string, number>;
  /** How long the previous version still answered after the alias moved. */
  behindMs: { p50: number; longest: number };
  /** The first faults; empty if there was none. */
  faults: string[];
}

/** Sends requests over many connections at once, each as fast as the Worker answers, while its alias moves and its reads fail. */
export async function runLoad(target: LoadTarget, options: LoadOptions): Promise<LoadReport> {
  const { seconds, connections, seed, failing } = options;
  const { published, worker, store } = target;
  const { bucket, versions, expected } = published;
  const [candidate = '', ...others] = versions;
  const { name } = fashionMnistCnn;
  await moveAlias(bucket, {
    name,
    alias: 'candidate',
    version: candidate,
    action: 'promote',
    by: 'the test',
  });
  const mover = await startAliasMover(bucket, others, moveEveryMilliseconds);
  const judge = answerJudge(expected, mover);
  const next = questions(published, candidate, seedrandom(`requests ${seed}`));
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const routes: LoadReport['routes'] = {};
  const outcomes: LoadReport['outcomes'] = {};
  const milliseconds: number[] = [];
  const behinds: number[] = [];
  const faults: string[] = [];

  async function askOne(): Promise<void> {
    const question = next();
    const from = performance.now();
    const answer = await send(question.request);
    const to = performance.now();
    const checked =
      typeof answer === 'string'
        ? { outcome: 'no answer', fault: answer, behind: null }
        : judge(question, answer, { from, to });
    const { outcome, fault, behind } = checked;
    milliseconds.push(to - from);
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    const ofRoute = routes[question.route] ?? {};
    routes[question.route] = { ...ofRoute, [outcome]: (ofRoute[outcome] ?? 0) + 1 };
    if (behind !== null) behinds.push(behind);
    if (fault && faults.length < mostFaultsKept) faults.push(`${question.route}: ${fault}`);
  }

  async function send(request: Parameters<typeof sendRequest>[1]): Promise<SentAnswer | string> {
    try {
      return await sendRequest(worker.url, request, agent, longestMilliseconds);
    } catch (error) {
      return `${error}`;
    }
  }

  await untilReady(worker.url);
  store.fail(failing);
  const start = performance.now();
  const end = start + seconds * 1000;
  async function connection(): Promise<void> {
    while (performance.now() < end) await askOne();
  }
  await Promise.all(Array.from({ length: connections }, connection));
  const took = (performance.now() - start) / 1000;
  const reads = store.reads();
  store.fail(0);
  await mover.stop();
  const counted = await metricsOf(worker.url);
  agent.destroy();
  return {
    ...options,
    requests: milliseconds.length,
    requestsPerSecond: milliseconds.length / took,
    p50Ms: percentile(milliseconds, 0.5),
    p99Ms: percentile(milliseconds, 0.99),
    longestMs: percentile(milliseconds, 1),
    outcomes,
    routes,
    aliasMoves: mover.moves(),
    ...counted,
    reads,
    failedReads: { ...store.failed() },
    behindMs: { p50: percentile(behinds, 0.5), longest: percentile(behinds, 1) },
    faults,
  };
}

/** A first answer, before any read fails. */
async function untilReady(url: string): Promise<void> {
  const response = await fetch(`${url}/predict?index=0`);
  if (!response.ok) throw new Error(`The Worker answers ${await response.text()}`);
  await response.arrayBuffer();
}

/** @returns the Worker's counters since its start */
async function metricsOf(url: string) {
  const text = await (await fetch(`${url}/metrics`)).text();
  const read = (metric: string) => Number(text.split(`\n${metric} `)[1]?.split('\n')[0]);
  return {
    swaps: read('catwalk_model_swaps_total'),
    loads: read('catwalk_model_loads_total{outcome="ok"}'),
    failedLoads: read('catwalk_model_loads_total{outcome="failed"}'),
  };
}
