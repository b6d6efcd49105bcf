import { randomUUID } from 'node:crypto';
import { availableParallelism, cpus, freemem } from 'node:os';
import {
  type BackendName,
  backendNames,
  canUseGpu,
  type DeviceChoice,
} from '../backend/backend.ts';
import { isNotSetUp, queryGpus } from '../backend/native-setup.ts';
import { openBackend } from '../backend/open-backend.ts';
import { tensorflowVersion } from '../backend/open-tensorflow.ts';
import { webgpuVersion } from '../backend/webgpu/webgpu-setup.ts';
import { InvalidDatasetError } from '../data/dataset.ts';
import { type Bucket, openBucket } from '../registry/bucket.ts';
import type { BucketSettings } from '../registry/bucket-location.ts';
import { ignoredConditions } from '../registry/conditional-writes.ts';
import { isInBucket, openDataset } from '../registry/open-dataset.ts';
import { packageVersions } from '../run/provenance.ts';

/** The result of one check. */
export interface Finding {
  name: string;
  /** `warn` slows or delays a training, `fail` prevents it. */
  status: 'ok' | 'warn' | 'fail';
  detail: string;
  /** What to do. Absent if nothing is wrong. */
  advice?: string;
}

export interface CheckOptions
  extends Pick<BucketSettings, 'endpoint' | 'region' | 'pathStyle' | 'profile'> {
  device: DeviceChoice;
  dataset?: string | undefined;
  dataDir?: string | undefined;
  /** The bucket to publish to. */
  publish?: string | undefined;
}

/** Reports everything it finds. Never throws. */
type Check = (options: CheckOptions) => Promise<Finding[]>;

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** The first version that strips types without a flag. */
const minNode = [22, 18] as const;
/** A training with TensorFlow uses about 0.8 GiB. */
const minFreeBytes = 2 ** 30;

/** Checks that Node is recent enough. */
export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [minMajor, minMinor] = minNode;
  const isRecent = major > minMajor || (major === minMajor && minor >= minMinor);
  if (isRecent) return { name: 'node', status: 'ok', detail: version };
  return {
    name: 'node',
    status: 'fail',
    detail: `${version} is older than ${minNode.join('.')}`,
    advice: 'Start Catwalk with npx or npm run, which use the Node that npm ci installs.',
  };
}

/** Checks Node's version, the cores and the free memory. */
const checkMachine: Check = async () => {
  const free = `${(freemem() / 2 ** 30).toFixed(1)} GiB of memory free`;
  const detail = `${availableParallelism()} (${cpus()[0]?.model.trim() ?? 'unknown'}), ${free}`;
  const advice = 'A training needs 1 GiB. Close other programs, or give the container more memory.';
  const isEnough = freemem() >= minFreeBytes;
  return [
    checkNode(process.versions.node),
    { name: 'cores', detail, ...(isEnough ? { status: 'ok' } : { status: 'warn', advice }) },
  ];
};

/** Checks NVIDIA's driver and lists its GPUs. `checkBackends` checks whether a backend can use these or others. */
const checkGpu: Check = async ({ device }) => {
  const name = 'gpu';
  try {
    return (await queryGpus()).map((gpu) => ({ name, status: 'ok', detail: gpu }));
  } catch (error) {
    const detail = messageOf(error);
    if (device !== 'gpu') return [{ name, status: 'ok', detail: `none: ${detail}` }];
    const advice =
      'For an NVIDIA GPU, install its driver; for a container, also install the NVIDIA container toolkit and start it with --gpus all. The backend webgpu uses other GPUs, too.';
    return [{ name, status: 'warn', detail, advice }];
  }
};

/** Opens every backend. One that works is enough, on a GPU if --device gpu requires one. */
const checkBackends: Check = async ({ device }) => {
  const findings: Finding[] = [];
  for (const backend of backendNames) {
    const name = `backend ${backend}`;
    // It has nothing to do on a CPU.
    if (backend === 'webgpu' && device === 'cpu') continue;
    try {
      const opened = await openBackend(backend, canUseGpu(backend) ? { device } : {});
      const detail = `${await versionOf(backend)} on ${opened.device.kind} (${opened.device.name})`;
      const { warning } = opened;
      findings.push(
        warning === undefined
          ? { name, status: 'ok', detail }
          : { name, status: 'warn', detail: warning, advice: 'auto does not use it.' },
      );
    } catch (error) {
      findings.push({ name, detail: messageOf(error), ...backendAdvice(backend, device, error) });
    }
  }
  const onGpu = backendNames.filter(canUseGpu).map((backend) => `backend ${backend}`);
  const hasGpu = findings.some(({ name, status }) => status === 'ok' && onGpu.includes(name));
  if (device !== 'gpu' || !hasGpu) return findings;
  return findings.map((found) => ({
    ...found,
    status: onGpu.includes(found.name) && found.status === 'fail' ? 'warn' : found.status,
  }));
};

async function versionOf(backend: BackendName): Promise<string | undefined> {
  if (backend === 'tensorflow') return tensorflowVersion();
  if (backend === 'webgpu') return webgpuVersion();
  return packageVersions()['@tensorflow/tfjs'];
}

function backendAdvice(backend: BackendName, device: DeviceChoice, error: unknown) {
  const isNative = backend === 'tensorflow';
  if (canUseGpu(backend) && device === 'gpu') {
    const advice = 'See docs/10-train-in-the-cloud.md, or train without a GPU: --device cpu.';
    return { status: 'fail', advice } as const;
  }
  if (isNotSetUp(error)) {
    const gpus = backend === 'webgpu' ? 'any GPU' : 'NVIDIA GPUs with CUDA';
    return { status: 'warn', advice: `Optional: it trains on ${gpus}.` } as const;
  }
  if (backend === 'webgpu') {
    const advice = 'Optional: without a GPU, the other backends train. See docs/02-train.md.';
    return { status: 'warn', advice } as const;
  }
  const advice = isNative ? 'Set it up again: npm run setup:native' : 'Build it: npm run build';
  return { status: backend === 'wasm' ? 'fail' : 'warn', advice } as const;
}

/** Checks whether the data set is on this machine, with the right checksums. */
const checkDataset: Check = async ({ dataset, dataDir, ...connection }) => {
  const name = 'data set';
  try {
    const { source, train, test } = await openDataset(
      { dataset, dataDir, offline: true },
      connection,
    );
    const detail = `${train.count} training and ${test.count} test images, from ${source}`;
    return [{ name, status: 'ok', detail }];
  } catch (error) {
    const isFolder = error instanceof InvalidDatasetError;
    const isGiven = dataDir !== undefined || isFolder || isInBucket(dataset ?? '');
    const advice = isFolder
      ? 'See docs/03-your-own-data.md for the layout of a data set folder.'
      : isGiven
        ? 'Put the four files of the data set into that folder.'
        : 'Training downloads it. To download it now: npx catwalk data';
    // The first line says what is wrong. The others list every place that was tried.
    const [detail = ''] = messageOf(error).split('\n');
    return [{ name, status: isGiven ? 'fail' : 'warn', detail, advice }];
  }
};

/** Checks what publishing needs, with one small object that it deletes again. */
const checkBucket: Check = async ({ publish, ...options }) => {
  const name = 'bucket';
  if (publish === undefined) {
    const { AWS_ACCESS_KEY_ID, AWS_PROFILE } = process.env;
    const credentials = AWS_ACCESS_KEY_ID || AWS_PROFILE ? '; AWS credentials are set' : '';
    const detail = `not checked${credentials} (--publish s3://bucket checks it)`;
    return [{ name, status: 'ok', detail }];
  }
  try {
    const bucket = openBucket({ ...options, url: publish });
    return [await tryBucket(bucket, `${publish} at ${await bucket.place()}`)];
  } catch (error) {
    const advice = 'See docs/04-publish.md for the bucket and its credentials.';
    return [{ name, status: 'fail', detail: messageOf(error), advice }];
  }
};

/** Creates an object, tries to create it again and to replace it with a stale ETag, replaces it and deletes it. */
async function tryBucket(bucket: Bucket, place: string): Promise<Finding> {
  const name = 'bucket';
  const key = bucket.layout.doctor(randomUUID());
  const bytes = new TextEncoder().encode(`${JSON.stringify({ checkedAt: new Date() })}\n`);
  const options = { contentType: 'application/json' };
  await bucket.list(bucket.layout.models());
  const created = await bucket.putIfAbsent(key, bytes, options);
  const ignored = await ignoredConditions(bucket, { key, bytes, options });
  const ifMatch = (await bucket.get(key))?.etag;
  const moved = await bucket.put(key, bytes, { ...options, ifMatch });
  const deletion = await bucket.delete(key).then(
    () => null,
    (error: Error) => error,
  );
  if (!created || !moved) {
    const detail = `${place} refuses writes whose condition holds: ${created ? 'If-Match with its own ETag' : 'If-None-Match for a new object'}`;
    return { name, status: 'fail', detail, advice: 'Use the endpoint of the store itself.' };
  }
  if (ignored.length > 0) {
    const detail = `${place} ignores the conditions of writes: it ${ignored.join(', and ')}`;
    const advice =
      'Publishing needs a store that honours them, such as AWS S3, R2 or MinIO. See --allow-unsafe-store in docs/04-publish.md.';
    return { name, status: 'fail', detail, advice };
  }
  if (deletion !== null) {
    const advice = `Allow it for \`catwalk prune\`, or delete ${key} yourself.`;
    return { name, status: 'warn', detail: deletion.message, advice };
  }
  const detail = `${place} can be read, written and deleted from, and honours conditional writes`;
  return { name, status: 'ok', detail };
}

const checks: readonly Check[] = [checkMachine, checkGpu, checkBackends, checkDataset, checkBucket];

/** Checks everything that a training needs, one after the other. */
export async function* runChecks(options: CheckOptions): AsyncGenerator<Finding, void, void> {
  for (const check of checks) yield* await check(options);
}
