import { readdir, readFile } from 'node:fs/promises';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { startLocalWorker } from '../../infra/local/worker.ts';
import { fashionMnistCnn } from '../../shared/model/model-spec.ts';
import type { Bucket } from '../../trainer/registry/bucket.ts';
import { bundleProduction } from '../bench/edge/bundle.ts';
import { openWorker } from '../bench/edge/open-worker.ts';
import { percentile } from '../bench/edge/percentile.ts';
import { sendRequest } from '../fuzz/send-request.ts';
import { maxDifference, type PublishedVersions, publishVersions } from './publish-versions.ts';
import { get, json, type Scored } from './question.ts';

/** Models in the bucket, and how many of them requests name. Each is one of a few versions under its own name. */
const models = 1000;
const inRotation = 200;
const versions = 10;
/** Models that are asked for one after the other, before the load, to measure a cold one. */
const coldModels = 20;
const maxRequestMilliseconds = 20_000;
const tolerance = 1e-5;
const mostFaultsKept = 20;
/** The memory at the end may exceed that after the first third by this factor. */
const maxGrowth = 1.15;

export interface ModelsOptions {
  seconds: number;
  connections: number;
  random: () => number;
}

export interface ModelsReport {
  models: number;
  inRotation: number;
  seconds: number;
  connections: number;
  requests: number;
  requestsPerSecond: number;
  /** The first request of a model, one at a time. */
  coldMs: { p50: number; longest: number };
  p50Ms: number;
  p99Ms: number;
  /** Answers 503 `busy`, which ask the client to try again. */
  busy: number;
  /** Resident memory of the Worker's process in MB: the medians of the second and the last third. */
  memoryMB: { middle: number; end: number };
  faults: string[];
}

/** Predicts test images with 200 of 1,000 models in one bucket, in any order. */
export async function runModels(folder: string, options: ModelsOptions): Promise<ModelsReport> {
  const { seconds, connections, random } = options;
  const server = await startLocalWorker({ port: 0, persistTo: join(folder, 'bucket') });
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  try {
    const seeds = Array.from({ length: versions }, (_, i) => i + 1);
    const published = await publishVersions(server.env, seeds);
    await copyModels(published);
    const worker = await openWorker({
      bundle: await bundleProduction(join(folder, 'bundle')),
      folder,
      variables: {
        ...server.env,
        S3_BUCKET: 'catwalk',
        AWS_ENDPOINT_URL: server.s3Endpoint,
        LOG_LEVEL: 'off',
        MODELS: '*',
        MODEL_NAME: nameOf(0),
      },
    });
    try {
      const asker = openAsker(published, worker.url, random, agent);
      await asker.ask(0);
      const cold: number[] = [];
      for (let model = 1; model <= coldModels; model++) cold.push(await asker.ask(model));
      asker.forget();
      const memory = await sampleWhile(async () => {
        const end = performance.now() + seconds * 1000;
        const connection = async () => {
          while (performance.now() < end) await asker.ask(Math.floor(random() * inRotation));
        };
        await Promise.all(Array.from({ length: connections }, connection));
      });
      const third = Math.floor(memory.length / 3);
      const middle = percentile(memory.slice(third, 2 * third), 0.5);
      const end = percentile(memory.slice(2 * third), 0.5);
      const report = asker.report();
      if (end > middle * maxGrowth) report.faults.push(`memory grew from ${middle} to ${end} MB`);
      return {
        models,
        inRotation,
        seconds,
        connections,
        requestsPerSecond: report.requests / seconds,
        coldMs: { p50: percentile(cold, 0.5), longest: percentile(cold, 1) },
        memoryMB: { middle, end },
        ...report,
      };
    } finally {
      await worker.close();
    }
  } finally {
    agent.destroy();
    await server.stop();
  }
}

const nameOf = (model: number) => `model-${model}`;

/** Copies the versions to all models, in turn. Those that no request names have only their alias and manifest. */
async function copyModels({ bucket, versions: all }: PublishedVersions): Promise<void> {
  const files = new Map<string, Map<string, Uint8Array>>();
  for (const version of all) {
    const of = new Map<string, Uint8Array>();
    for (const file of ['model.json', 'weights.bin', 'manifest.json']) {
      const key = bucket.layout.versionFile(fashionMnistCnn.name, version, file);
      of.set(file, (await bucket.get(key))?.bytes ?? new Uint8Array());
    }
    files.set(version, of);
  }
  let next = 0;
  async function copyNext(): Promise<void> {
    for (let model = next++; model < models; model = next++) {
      const version = all[model % all.length] as string;
      const of = files.get(version) as Map<string, Uint8Array>;
      await copyModel(bucket, model, version, of);
    }
  }
  await Promise.all(Array.from({ length: 8 }, copyNext));
}

async function copyModel(
  bucket: Bucket,
  model: number,
  version: string,
  files: Map<string, Uint8Array>,
): Promise<void> {
  const name = nameOf(model);
  const options = { contentType: 'application/octet-stream' };
  for (const [file, bytes] of files) {
    if (model >= inRotation && file !== 'manifest.json') continue;
    const written = file === 'manifest.json' ? renamed(bytes, name) : bytes;
    await bucket.put(bucket.layout.versionFile(name, version, file), written, options);
  }
  const alias = { version, updatedAt: new Date(0).toISOString(), previous: null };
  await bucket.put(
    bucket.layout.alias(name, 'production'),
    new TextEncoder().encode(JSON.stringify(alias)),
    options,
  );
}

const renamed = (manifest: Uint8Array, name: string) =>
  new TextEncoder().encode(
    JSON.stringify({ ...JSON.parse(new TextDecoder().decode(manifest)), name }),
  );

/** Asks for predictions, and checks the name, the version and the probabilities of each answer. */
function openAsker(
  { expected, versions: all }: PublishedVersions,
  url: string,
  random: () => number,
  agent: Agent,
) {
  const faults: string[] = [];
  let milliseconds: number[] = [];
  let busy = 0;

  async function faultOf(model: number): Promise<string | null> {
    const index = Math.floor(random() * 100);
    const request = get(`/predict?index=${index}&model=${nameOf(model)}`);
    const sent = await sendRequest(url, request, agent, maxRequestMilliseconds);
    if (sent.status === 503 && json<{ code: string }>(sent).code === 'busy') {
      busy++;
      return null;
    }
    if (sent.status !== 200) return `${sent.status}: ${Buffer.from(sent.body)}`;
    const answer = json<{ model: { name: string; version: string } } & Scored>(sent);
    const { name, version } = answer.model;
    if (name !== nameOf(model)) return `${name} answered instead of ${nameOf(model)}`;
    if (version !== all[model % all.length]) return `${name} answered with ${version}`;
    const values = answer.probabilities.map(({ probability }) => probability);
    const difference = maxDifference(values, expected.get(version)?.[index] ?? []);
    return difference <= tolerance ? null : `${name} does not say this of image ${index}`;
  }

  return {
    /** @returns milliseconds */
    async ask(model: number): Promise<number> {
      const from = performance.now();
      const fault = await faultOf(model).catch((error) => String(error));
      const took = performance.now() - from;
      milliseconds.push(took);
      if (fault && faults.length < mostFaultsKept) faults.push(fault);
      return took;
    },
    forget() {
      milliseconds = [];
    },
    report: () => ({
      requests: milliseconds.length,
      p50Ms: percentile(milliseconds, 0.5),
      p99Ms: percentile(milliseconds, 0.99),
      busy,
      faults,
    }),
  };
}

/** @returns the resident memory of the Worker's process in MB, twice a second while `work` runs */
async function sampleWhile(work: () => Promise<void>): Promise<number[]> {
  const samples: number[] = [];
  const timer = setInterval(async () => {
    const megabytes = await workerdMegabytes();
    if (megabytes !== null) samples.push(megabytes);
  }, 500);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return samples;
}

/** Of the workerd that this process has started; the local bucket's has another parent. */
async function workerdMegabytes(): Promise<number | null> {
  for (const id of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const status = await readFile(`/proc/${id}/status`, 'utf8').catch(() => '');
    const of = (field: string) => new RegExp(`^${field}:\\s+(\\S+)`, 'm').exec(status)?.[1];
    if (of('Name') === 'workerd' && Number(of('PPid')) === process.pid) {
      return Number(of('VmRSS')) / 1000;
    }
  }
  return null;
}

/** A report of many models for people. */
export function modelsText(report: ModelsReport): string {
  const { coldMs, memoryMB } = report;
  return [
    `${report.requests} predictions in ${report.seconds} s by ${report.connections} connections with ${report.inRotation} of ${report.models} models: ${report.requestsPerSecond.toFixed(0)} a second`,
    `p50 ${report.p50Ms.toFixed(0)} ms, p99 ${report.p99Ms.toFixed(0)} ms; ${report.busy} answers asked to try again`,
    `A cold model, one at a time: p50 ${coldMs.p50.toFixed(0)} ms, longest ${coldMs.longest.toFixed(0)} ms`,
    `Memory of the Worker's process: ${memoryMB.middle.toFixed(0)} MB in the middle, ${memoryMB.end.toFixed(0)} MB at the end`,
    ...(report.faults.length === 0
      ? ['No fault']
      : ['Faults:', ...report.faults.map((fault) => `  ${fault}`)]),
  ].join('\n');
}
