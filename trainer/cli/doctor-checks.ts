import { availableParallelism, cpus, freemem } from 'node:os';
import { type BackendName, backendNames, type DeviceChoice } from '../backend/backend.ts';
import { isNotSetUp, queryGpus } from '../backend/native-setup.ts';
import { openBackend } from '../backend/open-backend.ts';
import { tensorflowVersion } from '../backend/open-tensorflow.ts';
import { InvalidDatasetError } from '../data/errors.ts';
import { loadDataset } from '../data/load-dataset.ts';
import { openBucket } from '../registry/bucket.ts';
import { bucketLocation } from '../registry/bucket-location.ts';
import { packageVersions } from '../run/provenance.ts';

/** One thing that a training needs, as it is on this machine. */
export interface Finding {
  name: string;
  /** `warn` slows or delays a training, `fail` prevents it. */
  status: 'ok' | 'warn' | 'fail';
  detail: string;
  /** What to do; none where all is well. */
  advice?: string;
}

export interface CheckOptions {
  device: DeviceChoice;
  dataset?: string | undefined;
  dataDir?: string | undefined;
  /** The bucket to publish to, where there is one. */
  publish?: string | undefined;
}

/** Looks at one thing; never throws. */
export type Check = (options: CheckOptions) => Promise<Finding[]>;

export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** Type stripping without a flag came with this one. */
const leastNode = [22, 18] as const;
/** A training with TensorFlow takes about 0.8 GiB. */
const leastFreeBytes = 2 ** 30;

/** Node's version, the cores and the memory. */
export const checkMachine: Check = async () => [checkNode(process.versions.node), checkCores()];

/** @param version as in process.versions.node */
export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor, leastMinor] = leastNode;
  const isEnough = major > leastMajor || (major === leastMajor && minor >= leastMinor);
  if (isEnough) return { name: 'node', status: 'ok', detail: version };
  return {
    name: 'node',
    status: 'fail',
    detail: `${version} is older than ${leastNode.join('.')}`,
    advice: 'Start catwalk with npx or npm run, which take the Node that npm ci brought.',
  };
}

function checkCores(): Finding {
  const free = `${(freemem() / 2 ** 30).toFixed(1)} GiB of memory free`;
  const detail = `${availableParallelism()} (${cpus()[0]?.model.trim() ?? 'unknown'}), ${free}`;
  if (freemem() >= leastFreeBytes) return { name: 'cores', status: 'ok', detail };
  const advice = 'End other programs, or give the container more memory: a training takes 1 GiB.';
  return { name: 'cores', status: 'warn', detail, advice };
}

/** The driver and its GPUs. That TensorFlow uses them is the backend's line. */
export const checkGpu: Check = async ({ device }) => {
  const name = 'gpu';
  try {
    return (await queryGpus()).map((gpu) => ({ name, status: 'ok', detail: gpu }));
  } catch (error) {
    const detail = messageOf(error);
    if (device !== 'gpu') return [{ name, status: 'ok', detail: `none: ${detail}` }];
    const advice =
      "Install NVIDIA's driver; for a container also its container toolkit, and start it with --gpus all.";
    return [{ name, status: 'fail', detail, advice }];
  }
};

/** Opens every backend; one that works is enough, unless a GPU is asked for. */
export const checkBackends: Check = async (options) => {
  const findings: Finding[] = [];
  for (const name of backendNames) findings.push(await checkBackend(name, options));
  return findings;
};

async function checkBackend(backend: BackendName, { device }: CheckOptions): Promise<Finding> {
  const name = `backend ${backend}`;
  const isNative = backend === 'tensorflow';
  try {
    const opened = await openBackend(backend, isNative ? { device } : {});
    const version = isNative ? await tensorflowVersion() : packageVersions()['@tensorflow/tfjs'];
    const detail = `${version} on ${opened.device.kind} (${opened.device.name})`;
    return { name, status: 'ok', detail };
  } catch (error) {
    const detail = messageOf(error);
    if (isNative && device === 'gpu') {
      const advice = 'docs/10-train-in-the-cloud.md; --device cpu goes on without a GPU.';
      return { name, status: 'fail', detail, advice };
    }
    if (isNotSetUp(error)) {
      return { name, status: 'warn', detail, advice: 'Optional: it alone trains on a GPU.' };
    }
    const advice = isNative ? 'Set it up again: npm run setup:native' : 'Build it: npm run build';
    return { name, status: backend === 'wasm' ? 'fail' : 'warn', detail, advice };
  }
}

/** Whether the data set is on this machine, undamaged. */
export const checkDataset: Check = async ({ dataset, dataDir }) => {
  const name = 'data set';
  try {
    const { source, train, test } = await loadDataset({ dataset, dataDir, offline: true });
    const detail = `${train.count} training and ${test.count} test images, from ${source}`;
    return [{ name, status: 'ok', detail }];
  } catch (error) {
    const isFolder = error instanceof InvalidDatasetError;
    const isGiven = dataDir !== undefined || isFolder;
    const advice = isFolder
      ? 'What a data set of your own looks like: docs/03-your-own-data.md'
      : isGiven
        ? 'Put the four files into that folder.'
        : 'Training fetches it; so does: npx catwalk data';
    // The first line says what is wrong; the others list every place that was tried.
    const [detail = ''] = messageOf(error).split('\n');
    return [{ name, status: isGiven ? 'fail' : 'warn', detail, advice }];
  }
};

/** Reads the bucket and writes one small object, doctor.json, which nothing reads. */
export const checkBucket: Check = async ({ publish }) => {
  const name = 'bucket';
  if (publish === undefined) {
    const { AWS_ACCESS_KEY_ID, AWS_PROFILE } = process.env;
    const hasCredentials = AWS_ACCESS_KEY_ID || AWS_PROFILE;
    const detail = `not tried${hasCredentials ? '; AWS credentials are set' : ''} (--publish s3://bucket tries it)`;
    return [{ name, status: 'ok', detail }];
  }
  try {
    const bucket = openBucket({ url: publish });
    const { prefix, endpoint } = bucketLocation({ url: publish }, process.env);
    await bucket.list(`${prefix}models/`);
    const bytes = new TextEncoder().encode(`${JSON.stringify({ checkedAt: new Date() })}\n`);
    await bucket.put(`${prefix}doctor.json`, bytes, { contentType: 'application/json' });
    const detail = `${publish} at ${endpoint ?? 'AWS'} can be read and written`;
    return [{ name, status: 'ok', detail }];
  } catch (error) {
    const advice = 'The bucket and its credentials: docs/04-publish.md';
    return [{ name, status: 'fail', detail: messageOf(error), advice }];
  }
};

const checks: readonly Check[] = [checkMachine, checkGpu, checkBackends, checkDataset, checkBucket];

/** Looks at everything that a training needs, in turn. */
export async function* examine(options: CheckOptions): AsyncGenerator<Finding, void, void> {
  for (const check of checks) yield* await check(options);
}
