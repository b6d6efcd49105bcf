import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { fashionMnistCnn } from '../../../shared/model/model-spec.ts';
import type { Bucket } from '../../../trainer/registry/bucket.ts';
import { toJsonBytes } from '../../../trainer/registry/read-json.ts';
import { readSigningKey } from '../../../trainer/registry/signature.ts';
import { type Checkpoint, encodeCheckpoint } from '../../../trainer/run/checkpoint.ts';
import { bucketStore } from '../../../trainer/run/checkpoints.ts';
import { planRun } from '../../../trainer/run/plan-run.ts';
import { readSweep } from '../../../trainer/sweep/open-sweep.ts';
import { downloadRun } from '../../../trainer/sweep/run-trial.ts';
import { trialFolder } from '../../../trainer/sweep/sweep-records.ts';
import { recipes } from '../../../trainer/train/recipes.ts';
import { firstPosition } from '../../../trainer/train/training-state.ts';
import { bucketEnvironment, openLocalBucket } from '../../support/s3/local-bucket.ts';

let folder: string;
let ours: string;
let another: string;
let bucket: Bucket;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-poisoned-'));
  [ours, another] = (await Promise.all(['ours.pem', 'another.pem'].map(writeKey))) as [
    string,
    string,
  ];
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() => {
  for (const [name, value] of Object.entries(bucketEnvironment)) vi.stubEnv(name, value);
  bucket = openLocalBucket();
});

async function writeKey(name: string): Promise<string> {
  const path = join(folder, name);
  const { privateKey } = generateKeyPairSync('ed25519');
  await writeFile(path, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return path;
}

/** Options with which someone who can write to the bucket attacks the machine that resumes. */
const hostile = {
  endpoint: 'http://attacker.invalid',
  profile: 'admin',
  publish: 's3://attacker',
  sign: '/home/victim/key.pem',
  alias: 'production',
  force: 'true',
  runs: '/tmp/attacker',
  dataDir: '/home/victim',
  dataset: '/home/victim/pictures',
};

const checkpointAt = (step: number): Checkpoint => ({
  run: '20261124T101500Z-7',
  config: {
    recipe: 'fast',
    ...recipes.fast,
    dtype: 'float32',
    seed: 7,
    limit: 90,
    backend: 'wasm',
    device: 'CPU',
    threads: 2,
    packages: {},
    git: null,
    spec: fashionMnistCnn,
    dataset: { name: 'fashion-mnist', files: {} },
    options: hostile,
  },
  epochs: [],
  state: { position: { ...firstPosition, step }, vectors: { parameters: new Float32Array(4) } },
});

const store = async (slot: 'a' | 'b', bytes: Uint8Array) => {
  await bucketStore(bucket).write(`${slot}.checkpoint`, bytes);
};

it('a checkpoint in a bucket decides the recipe and nothing else', async () => {
  await store('a', encodeCheckpoint(checkpointAt(3)));
  const { options, resumed } = await planRun({ resume: bucket.url, runs: folder });
  expect(options).toMatchObject({ recipe: 'fast', seed: 7, limit: 90, threads: 2 });
  expect(options).toMatchObject({ runs: folder, dataset: 'fashion-mnist', force: false });
  // Enumerations of preprocessing, without which a resumed training would see other images.
  expect(options).toMatchObject({ fit: 'contain', background: 'isolate' });
  for (const name of ['endpoint', 'profile', 'publish', 'sign', 'dataDir'] as const) {
    expect(options[name], name).toBeUndefined();
  }
  // The run's folder on this machine is trusted, so nothing of it may get there.
  const kept = [resumed?.config.options, resumed?.checkpoint?.config.options];
  expect(JSON.stringify(kept)).not.toMatch(/attacker|victim|admin/);
  const given = { publish: bucket.url, alias: 'candidate', resume: bucket.url, runs: folder };
  expect((await planRun(given)).options).toMatchObject({ publish: bucket.url, alias: 'candidate' });
});

it('a checkpoint in a bucket does not decide which folder is read', async () => {
  const { config, ...checkpoint } = checkpointAt(3);
  const dataset = { name: 'pictures', files: {} };
  await store('a', encodeCheckpoint({ ...checkpoint, config: { ...config, dataset } }));
  const given = { resume: bucket.url, runs: folder };
  await expect(planRun(given)).rejects.toThrow('--dataset: the run was trained on "pictures"');
  expect((await planRun({ ...given, dataset: folder })).options.dataset).toBe(folder);
});

it('a run resumes with --sign only from a checkpoint that the same key signed', async () => {
  const given = { resume: bucket.url, runs: folder, sign: ours };
  const refused = /a\.checkpoint is unusable: it is not signed with the key of --sign/;
  await store('a', encodeCheckpoint(checkpointAt(3)));
  await expect(planRun(given)).rejects.toThrow(refused);
  await store('a', encodeCheckpoint(checkpointAt(3), await readSigningKey(another)));
  await expect(planRun(given)).rejects.toThrow(refused);

  const key = await readSigningKey(ours);
  const signed = encodeCheckpoint(checkpointAt(3), key);
  // Another run's signature does not fit.
  const grafted = encodeCheckpoint(checkpointAt(4), key).slice();
  grafted.set(signed.subarray(-64), grafted.length - 64);
  await store('a', grafted);
  await expect(planRun(given)).rejects.toThrow(/unusable/);

  await store('a', signed);
  // A newer one without a signature is passed over.
  await store('b', encodeCheckpoint(checkpointAt(9)));
  const { resumed, bucketCheckpoints } = await planRun(given);
  expect(resumed?.checkpoint?.state.position.step).toBe(3);
  expect(bucketCheckpoints?.faults).toEqual([expect.stringContaining('b.checkpoint is unusable')]);
  // The run's own checkpoints can be resumed with --sign again.
  await bucketCheckpoints?.save(checkpointAt(5));
  expect((await planRun(given)).resumed?.checkpoint?.state.position.step).toBe(5);
  // Without --sign, signatures don't matter.
  await store('b', encodeCheckpoint(checkpointAt(9)));
  const unsigned = await planRun({ resume: bucket.url, runs: folder });
  expect(unsigned.resumed?.checkpoint?.state.position.step).toBe(9);
});

it.each(['endpoint', 'publish', 'sign', 'force', 'runs', 'alias', 'resume'])(
  'a sweep in a bucket that has the option %s is refused',
  async (option) => {
    const sweep = {
      schemaVersion: 1,
      name: 'rates',
      createdAt: new Date().toISOString(),
      objective: 'validation accuracy',
      options: { validation: 30 },
      trials: [{ parameters: { [option]: hostile[option as keyof typeof hostile] ?? 'x' } }],
    };
    const key = bucket.layout.sweep('rates');
    await bucket.put(key, toJsonBytes(sweep), { contentType: 'application/json' });
    await expect(readSweep(bucket, 'rates')).rejects.toThrow(`has the option ${option}`);
  },
);

it('a trial without a signature is not downloaded to be signed', async () => {
  const trial = trialFolder(bucket, 'rates', 3);
  await trial.writeJson('run/config.json', {});
  await expect(downloadRun(trial, folder, await readSigningKey(ours))).rejects.toThrow(
    'The run of trial 3 of the sweep rates is not signed with the key of --sign',
  );
});
