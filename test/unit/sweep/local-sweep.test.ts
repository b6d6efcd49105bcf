import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { aliasSchema, manifestSchema } from '../../../shared/manifest.ts';
import { readJson } from '../../../trainer/publish/read-json.ts';
import { useLocalBucket } from '../publish/local-bucket.ts';

const cli = join(import.meta.dirname, '../../../trainer/cli.ts');
const images = join(import.meta.dirname, '../../fixtures/fashion-mnist-test-100');
const bucket = useLocalBucket();
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-sweep-'));
  const dataset = join(folder, 'hundred');
  await mkdir(dataset);
  for (const part of ['train', 't10k']) {
    await copyFile(join(images, 'test-images.idx'), join(dataset, `${part}-images-idx3-ubyte`));
    await copyFile(join(images, 'test-labels.idx'), join(dataset, `${part}-labels-idx1-ubyte`));
  }
});
afterAll(() => rm(folder, { recursive: true }));

type Event = Record<string, unknown>;

/** Runs `catwalk sweep …` and reads what it says. */
async function sweep(argv: string[], onEvent: (event: Event) => void = () => {}, env = {}) {
  const child = spawn(process.execPath, [cli, 'sweep', ...argv], {
    cwd: folder,
    env: { ...process.env, ...bucket.worker().env, ...env },
  });
  const events: Event[] = [];
  createInterface(child.stdout).on('line', (line) => {
    const event = JSON.parse(line);
    events.push(event);
    onEvent(event);
  });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = await once(child, 'close');
  return { code, events, stderr };
}

it('goes on with a killed trial, never with a misconfigured one, and publishes the best', async () => {
  const { url, layout, list, get, ...rest } = bucket.open();
  const file = join(folder, 'sweep.yaml');
  const learningRate = [0.0001, 0.001, 0.002, 0.003, 0.00001, -1];
  await writeFile(
    file,
    stringify({
      name: 'rates',
      search: 'grid',
      options: {
        ...{ dataset: join(folder, 'hundred'), backend: 'wasm', validation: 30 },
        ...{ epochs: 2, batchSize: 10 },
      },
      parameters: { learningRate },
    }),
  );
  const local = ['--file', file, '--bucket', url, '--local', '2', '--json'];
  const startsOf = (events: Event[]) =>
    events.filter(({ event }) => event === 'trial-started').map(({ trial }) => trial);

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

  // As a cluster runs a trial: it is told its index by a variable.
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
    ...{ learningRate: learningRate[winner], epochs: 2, optimizer: 'adam', validation: 30 },
  });

  const publish = ['publish', 'rates', '--bucket', url, '--alias', 'candidate', '--json'];
  const published = await sweep(publish);
  expect(published.code).toBe(0);
  const { name, version } = published.events[0] as { name: string; version: string };
  const stored = { ...rest, url, layout, list, get };
  const alias = await readJson(stored, layout.alias(name, 'candidate'), aliasSchema);
  expect(alias?.value.version).toBe(version);
  const manifest = await readJson(stored, layout.manifest(name, version), manifestSchema);
  expect(manifest?.value.training).toMatchObject({ learningRate: learningRate[winner] });

  const beyond = await sweep(['--file', file, '--bucket', url, '--index', '9']);
  expect(beyond).toMatchObject({ code: 42, stderr: expect.stringContaining('no trial 9') });
}, 300_000);
