import { Agent } from 'node:http';
import { join } from 'node:path';
import { startLocalWorker } from '../../infra/local/worker.ts';
import { writeSnapshot } from '../../infra/snapshot/write-snapshot.ts';
import { fashionMnistCnn } from '../../shared/model/model-spec.ts';
import { moveAlias } from '../../trainer/registry/move-alias.ts';
import { bundleProduction } from '../bench/edge/bundle.ts';
import { type OpenWorker, openWorker } from '../bench/edge/open-worker.ts';
import { percentile } from '../bench/edge/percentile.ts';
import { sendRequest } from '../fuzz/send-request.ts';
import { type Fault, type FaultPlan, startFaultProxy } from '../support/s3/fault-proxy.ts';
import { maxDifference, type PublishedVersions, publishVersions } from './publish-versions.ts';
import { get, json, type Scored } from './question.ts';

/** The minutes of the outage, in each of which every isolate is restarted. */
const minutes = 67;
/** The bucket fails in another way every minute, in the first and the last with silence. It does not recover in between. */
const faults: Fault[] = [
  { kind: 'silence' },
  { kind: 'status', status: 503, code: 'ServiceUnavailable', done: false },
  { kind: 'cut request' },
];
/** The Worker is back on the bucket's version this long after the bucket answers again. */
const maxReturnMilliseconds = 10_000;
const maxRequestMilliseconds = 20_000;
const tolerance = 1e-5;
const mostFaultsKept = 20;

export interface OutageOptions {
  /** How long each isolate gets requests. It stands for a minute. */
  seconds: number;
  connections: number;
  random: () => number;
}

export interface OutageReport {
  minutes: number;
  secondsPerMinute: number;
  connections: number;
  predictions: number;
  fromSnapshot: number;
  /** Reads of the bucket that failed. */
  failedReads: number;
  p50Ms: number;
  p99Ms: number;
  longestMs: number;
  /** From the bucket's return to the last answer from the snapshot. */
  returnMs: number;
  faults: string[];
}

interface Answered {
  model: { version: string; alias: string | null; source?: 'snapshot' };
  testSet?: { source: 'snapshot'; images: number };
  index: number;
}

/**
 * Sends predictions to a deployment whose bucket does not answer for 67 minutes, each of which is a new isolate for `seconds`. Its
 * snapshot has another version than the bucket. At the end the bucket answers again.
 */
export async function runOutage(folder: string, options: OutageOptions): Promise<OutageReport> {
  const { seconds, connections, random } = options;
  const server = await startLocalWorker({ port: 0, persistTo: join(folder, 'bucket') });
  const proxy = await startFaultProxy(server.s3Endpoint);
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  try {
    const published = await publishVersions(server.env, [1, 2]);
    const [carried = '', current = ''] = published.versions;
    const assets = join(folder, 'assets');
    await writeSnapshotOf(published, carried, join(assets, 'snapshot'));
    await pointTo(published, current);

    const bundle = await bundleProduction(join(folder, 'bundle'));
    const variables = {
      ...server.env,
      S3_BUCKET: 'catwalk',
      AWS_ENDPOINT_URL: proxy.endpoint,
      LOG_LEVEL: 'off',
    };
    const open = () => openWorker({ bundle, folder, variables, ownAssets: assets });
    const tally = openTally(published, { carried, current }, random, agent);
    let failedReads = 0;
    let worker: OpenWorker = await open();
    for (let minute = 0; minute < minutes; minute++) {
      const fault = faults[minute % faults.length] as Fault;
      const plan: FaultPlan = () => fault;
      proxy.plan(plan);
      await tally.ask(worker.url, connections, performance.now() + seconds * 1000);
      failedReads += proxy.requests();
      if (minute === minutes - 1) break;
      await worker.close();
      worker = await open();
    }
    proxy.plan(() => null);
    tally.bucketReturns();
    await tally.ask(worker.url, connections, performance.now() + 2 * maxReturnMilliseconds);
    await worker.close();
    return {
      minutes,
      secondsPerMinute: seconds,
      connections,
      failedReads,
      ...tally.report(),
    };
  } finally {
    agent.destroy();
    await proxy.stop();
    await server.stop();
  }
}

async function writeSnapshotOf(published: PublishedVersions, version: string, folder: string) {
  await pointTo(published, version);
  const { bucket } = published;
  await writeSnapshot({
    read: async (key) => (await bucket.get(key))?.bytes ?? null,
    prefix: '',
    model: fashionMnistCnn.name,
    alias: 'production',
    dataset: 'fashion-mnist',
    folder,
    images: 50,
  });
}

const pointTo = ({ bucket }: PublishedVersions, version: string) =>
  moveAlias(bucket, {
    name: fashionMnistCnn.name,
    alias: 'production',
    version,
    action: 'promote',
    by: 'the test',
  });

/** Sends predictions, and checks each answer. */
function openTally(
  { expected }: PublishedVersions,
  versions: { carried: string; current: string },
  random: () => number,
  agent: Agent,
) {
  const milliseconds: number[] = [];
  const found: string[] = [];
  let fromSnapshot = 0;
  let returnedAt = Number.POSITIVE_INFINITY;
  let lastSnapshotAt = 0;
  const images = 50;

  async function askOne(url: string): Promise<void> {
    const index = Math.floor(random() * images);
    const from = performance.now();
    const fault = await answerOf(url, index).catch((error) => String(error));
    milliseconds.push(performance.now() - from);
    if (fault && found.length < mostFaultsKept) found.push(fault);
  }

  /** @returns the fault, or `null` */
  async function answerOf(url: string, index: number): Promise<string | null> {
    const sentAt = performance.now();
    const request = get(`/predict?index=${index}`);
    const sent = await sendRequest(url, request, agent, maxRequestMilliseconds);
    if (sent.status !== 200) return `${sent.status}: ${Buffer.from(sent.body)}`;
    const answer = json<Answered & Scored>(sent);
    const { version, source } = answer.model;
    const isSnapshot = source === 'snapshot';
    const right = isSnapshot ? versions.carried : versions.current;
    if (version !== right || sent.headers['x-catwalk-version'] !== version) {
      return `${version} answered as ${source ?? 'the bucket'}'s version`;
    }
    if ((sent.headers['x-catwalk-source'] === 'snapshot') !== isSnapshot) return 'wrong header';
    if (!isSnapshot && sentAt < returnedAt) return `${version} answered while the bucket was down`;
    const values = answer.probabilities.map(({ probability }) => probability);
    const difference = maxDifference(values, expected.get(version)?.[index] ?? []);
    if (!(difference <= tolerance)) return `${version} does not say this of image ${index}`;
    if (isSnapshot) {
      fromSnapshot++;
      lastSnapshotAt = sentAt;
      if (sentAt - returnedAt > maxReturnMilliseconds) return 'the snapshot answers for too long';
    }
    return null;
  }

  return {
    async ask(url: string, connections: number, end: number): Promise<void> {
      const connection = async () => {
        while (performance.now() < end) await askOne(url);
      };
      await Promise.all(Array.from({ length: connections }, connection));
    },
    bucketReturns() {
      returnedAt = performance.now();
    },
    report: () => ({
      predictions: milliseconds.length,
      fromSnapshot,
      p50Ms: percentile(milliseconds, 0.5),
      p99Ms: percentile(milliseconds, 0.99),
      longestMs: percentile(milliseconds, 1),
      returnMs: lastSnapshotAt - returnedAt,
      faults: found,
    }),
  };
}

/** An outage's report for people. */
export function outageText(report: OutageReport): string {
  const { minutes, secondsPerMinute, connections, predictions, fromSnapshot, failedReads } = report;
  return [
    `${minutes} isolates, each for ${secondsPerMinute} s with ${connections} connections, while all ${failedReads} reads of the bucket failed`,
    `${predictions} predictions, ${fromSnapshot} of them from the snapshot`,
    `p50 ${report.p50Ms.toFixed(1)} ms, p99 ${report.p99Ms.toFixed(1)} ms, longest ${report.longestMs.toFixed(0)} ms`,
    `The last answer from the snapshot was sent ${(report.returnMs / 1000).toFixed(1)} s after the bucket's return`,
    ...(report.faults.length === 0
      ? ['No fault']
      : ['Faults:', ...report.faults.map((fault) => `  ${fault}`)]),
  ].join('\n');
}
