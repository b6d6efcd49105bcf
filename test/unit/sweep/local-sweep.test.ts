import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { stringify } from 'yaml';
import { buildModel } from '../../../shared/model/build-model.ts';
import { fashionMnistCnn } from '../../../shared/model/model-spec.ts';
import { aliasSchema, manifestSchema } from '../../../shared/registry/manifest.ts';
import { openBackend } from '../../../trainer/backend/open-backend.ts';
import { defaultNames } from '../../../trainer/evaluate/export-run.ts';
import { readJson } from '../../../trainer/registry/read-json.ts';
import { toPytorch } from '../../../trainer/weights/pytorch.ts';
import { writeSafetensors } from '../../../trainer/weights/safetensors.ts';
import { writeSmallDataset } from '../../support/datasets/small-dataset.ts';
import { bucketEnvironment, openLocalBucket } from '../../support/s3/local-bucket.ts';

const cli = join(import.meta.dirname, '../../../trainer/cli.ts');
let folder: string;
let dataset: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-sweep-'));
  dataset = await writeSmallDataset(folder);
});
afterAll(() => rm(folder, { recursive: true }));

type Event = Record<string, unknown>;

/** Runs `catwalk sweep …` in a process group of its own, as a terminal does, and reads its events. */
async function sweep(
  argv: string[],
  onEvent: (event: Event, group: number) => void = () => {},
  env = {},
) {
  const child = spawn(process.execPath, [cli, 'sweep', ...argv], {
    cwd: folder,
    detached: true,
    env: { ...process.env, ...bucketEnvironment, ...env },
  });
  const events: Event[] = [];
  createInterface(child.stdout).on('line', (line) => {
    const event = JSON.parse(line);
    events.push(event);
    onEvent(event, child.pid as number);
  });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = await once(child, 'close');
  return { code, events, stderr };
}

/** Writes a sweep with one trial per learning rate. @returns its file */
async function writeSweep(name: string, epochs: number, learningRate: number[], more = {}) {
  const file = join(folder, `${name}.yaml`);
  const options = {
    dataset,
    backend: 'wasm',
    validation: 30,
    epochs,
    batchSize: 10,
    ...more,
  };
  const sweepFile = { name, search: 'grid', options, parameters: { learningRate } };
  await writeFile(file, stringify(sweepFile));
  return file;
}

/** Random weights of the tutorial's network, as a .safetensors file. */
async function newWeights(): Promise<Uint8Array> {
  await openBackend('cpu');
  const weights = buildModel(fashionMnistCnn, 7)
    .getWeights()
    .map((weight) => ({ shape: weight.shape, values: weight.dataSync() as Float32Array }));
  return writeSafetensors(toPytorch(weights, fashionMnistCnn, defaultNames(fashionMnistCnn)));
}

async function writeSigningKey(beside: string): Promise<string> {
  const path = `${beside}.pem`;
  const { privateKey } = generateKeyPairSync('ed25519');
  await writeFile(path, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  return path;
}

const startsOf = (events: Event[]) =>
  events.filter(({ event }) => event === 'trial-started').map(({ trial }) => trial);

it('resumes a killed trial, never a misconfigured one, and publishes the best', async () => {
  const { url, layout, list, get, ...rest } = openLocalBucket();
  const learningRate = [0.0001, 0.001, 0.002, 0.003, 0.00001, -1];
  const from = join(folder, 'parent.safetensors');
  await writeFile(from, await newWeights());
  const file = await writeSweep('rates', 2, learningRate, { from });
  const signed = ['--sign', await writeSigningKey(file)];
  const local = ['--file', file, '--bucket', url, '--local', '2', '--json', ...signed];

  let pid: number | undefined;
  const first = await sweep(local, ({ event, trial, ...more }) => {
    if (trial !== 1) return;
    if (event === 'trial-started') pid = more.pid as number;
    if (event === 'trial-epoch' && pid !== undefined) {
      const victim = pid;
      pid = undefined;
      void (async () => {
        while ((await list(layout.trialFile('rates', 1, 'checkpoint/'))).length === 0)
          await wait(20);
        process.kill(victim, 'SIGKILL');
      })();
    }
  });
  expect(first.code).toBe(1);
  expect(startsOf(first.events).toSorted()).toEqual([0, 1, 2, 3, 4, 5]);
  const endOf = (trial: number) =>
    first.events.find((event) => event.event === 'trial-ended' && event.trial === trial);
  expect(endOf(1)).toMatchObject({ code: 1, message: expect.stringContaining('SIGKILL') });
  expect(endOf(5)).toMatchObject({ code: 42, message: expect.stringContaining('--learning-rate') });
  expect(first.stderr).toContain('2 of 6 trials are not done');

  // As a cluster runs a trial: a variable holds its index.
  const index = await sweep(['--sweep', 'rates', '--bucket', url], undefined, {
    JOB_COMPLETION_INDEX: '5',
  });
  expect(index).toMatchObject({ code: 42, stderr: expect.stringContaining('--learning-rate') });

  const second = await sweep(local);
  expect(second.code).toBe(1);
  expect(startsOf(second.events)).toEqual([1]);
  const epochs = second.events.filter(({ event }) => event === 'trial-epoch');
  expect(epochs[0]?.epoch).toBeGreaterThan(1);
  expect(epochs.at(-1)?.epoch).toBe(2);

  const status = await sweep(['status', 'rates', '--bucket', url, '--json']);
  const trials = status.events[0]?.trials as {
    status: Event;
    result: { validation: { accuracy: number } } | null;
  }[];
  expect(trials.map((trial) => trial.status.state)).toEqual([
    ...Array(5).fill('done'),
    'misconfigured',
  ]);
  expect(trials.map((trial) => trial.status.attempt)).toEqual([1, 2, 1, 1, 1, 1]);
  const accuracies = trials.map(({ result }) => result?.validation.accuracy ?? -1);
  const winner = accuracies.indexOf(Math.max(...accuracies));

  const best = await sweep(['best', 'rates', '--bucket', url, '--json']);
  expect(best.events[0]).toMatchObject({
    best: { index: winner, parameters: { learningRate: learningRate[winner] } },
  });
  const configuration = await get(layout.trialFile('rates', winner, 'configuration.json'));
  expect(JSON.parse(String(Buffer.from(configuration?.bytes ?? [])))).toMatchObject({
    learningRate: learningRate[winner],
    epochs: 2,
    optimizer: 'adam',
    validation: 30,
  });

  const publish = [
    'publish',
    'rates',
    '--bucket',
    url,
    '--alias',
    'candidate',
    '--json',
    ...signed,
  ];
  const evil = layout.trialFile('rates', winner, 'run/metrics.jsonl');
  const metrics = (await get(evil))?.bytes as Uint8Array;
  const binary = { contentType: 'application/octet-stream' };
  await rest.put(evil, Buffer.concat([metrics, metrics]), binary);
  const refused = await sweep(publish);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('is not signed') });
  await rest.put(evil, metrics, binary);
  const published = await sweep(publish);
  expect(published.code).toBe(0);
  const { name, version } = published.events[0] as { name: string; version: string };
  const stored = { ...rest, url, layout, list, get };
  const alias = await readJson(stored, layout.alias(name, 'candidate'), aliasSchema);
  expect(alias?.value.version).toBe(version);
  const manifest = await readJson(stored, layout.manifest(name, version), manifestSchema);
  expect(manifest?.value.training).toMatchObject({ learningRate: learningRate[winner] });
  expect(manifest?.value.parent).toMatchObject({ file: 'parent.safetensors' });

  const beyond = await sweep(['--file', file, '--bucket', url, '--index', '9']);
  expect(beyond).toMatchObject({ code: 42, stderr: expect.stringContaining('no trial 9') });
}, 300_000);

it.runIf(inject('whole'))(
  'ends every trial with a checkpoint on Ctrl-C or SIGTERM, and resumes from there',
  async () => {
    const { url, layout, list } = openLocalBucket();
    const signals = [
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const;
    const epochs = 2 * signals.length + 3;
    const file = await writeSweep('stopped', epochs, [0.001, 0.002]);
    const local = ['--file', file, '--bucket', url, '--local', '2', '--json'];
    const seen: Event[] = [];
    for (const [signal, code] of signals) {
      const training = new Set<unknown>();
      const stopped = await sweep(local, ({ event, trial }, group) => {
        if (event !== 'trial-epoch' || training.has(trial)) return;
        training.add(trial);
        // To the whole group, as a terminal sends it: each trial is in another one.
        if (training.size === 2) process.kill(-group, signal);
      });
      expect(stopped.stderr).toContain(`Stopped by ${signal}`);
      expect(stopped.code).toBe(code);
      expect(startsOf(stopped.events)).toEqual([0, 1]);
      const ends = stopped.events.filter(({ event }) => event === 'trial-ended');
      expect(ends.map((end) => end.code)).toEqual([143, 143]);
      for (const { event, pid } of stopped.events) {
        if (event !== 'trial-started') continue;
        // No process of its group is left.
        expect(() => process.kill(-(pid as number), 0)).toThrow('ESRCH');
      }
      for (const trial of [0, 1]) {
        const key = layout.trialFile('stopped', trial, 'checkpoint/');
        expect(await list(key)).not.toEqual([]);
      }
      seen.push(...stopped.events);
    }

    const last = await sweep(local);
    expect(last).toMatchObject({ code: 0, stderr: '' });
    seen.push(...last.events);
    // Each trial resumed: no epoch is missing, and none was trained twice.
    for (const trial of [0, 1]) {
      const of = seen.filter((event) => event.event === 'trial-epoch' && event.trial === trial);
      expect(of.map(({ epoch }) => epoch)).toEqual(
        Array.from({ length: epochs }, (_, at) => at + 1),
      );
    }
    const { trials } = last.events.at(-1) as { trials: Event[] };
    for (const trial of trials) {
      expect(trial).toMatchObject({
        status: { state: 'done', attempt: signals.length + 1, epoch: epochs },
        result: { validation: { accuracy: expect.any(Number) } },
      });
    }
  },
  300_000,
);

it('counts a trial that diverges as finished, without a result, and runs it once', async () => {
  const { url } = openLocalBucket();
  const file = await writeSweep('diverging', 1, [1e30, 0.001]);
  const local = ['--file', file, '--bucket', url, '--local', '2', '--json'];
  const first = await sweep(local);
  expect(first).toMatchObject({ code: 0, stderr: '' });
  const message = expect.stringMatching(/diverged in epoch 1, step \d of 7.*the loss is NaN/);
  expect(first.events).toContainEqual({ event: 'trial-ended', trial: 0, code: 0, message });
  const { trials, best } = first.events.at(-1) as { trials: Event[]; best: Event };
  expect(trials[0]).toMatchObject({ status: { state: 'diverged', message }, result: null });
  expect(best).toMatchObject({ index: 1 });

  const second = await sweep(local);
  expect(startsOf(second.events)).toEqual([]);
  const alone = await sweep(['--sweep', 'diverging', '--bucket', url, '--index', '0', '--json']);
  expect(alone).toMatchObject({ code: 0, events: [{ event: 'message', message }] });
}, 120_000);
