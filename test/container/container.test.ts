import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureBaseImage } from '../../infra/container/base-image.ts';
import { buildImage } from '../../infra/container/build-image.ts';
import { buildah } from '../../infra/container/buildah.ts';
import { hostSettings } from '../../infra/container/host-settings.ts';
import { claimPort } from '../../infra/local/processes.ts';
import { type LocalWorker, startLocalWorker } from '../../infra/local/worker.ts';
import { defaultCacheFolder } from '../../node/files.ts';
import { loadDataset } from '../../trainer/data/load-dataset.ts';
import { type Container, createContainer, findProcess, type ImageRun } from './image-run.ts';

const dataset = join(defaultCacheFolder(), 'fashion-mnist');
const mountedDataset = { volumes: [`${dataset}:/data:ro`] };
let folder: string;
let worker: LocalWorker;
let container: Container;
let workerContainer: Container;
const images: string[] = [];

beforeAll(async () => {
  await loadDataset(); // Fills the cache, which is mounted into the container.
  folder = await mkdtemp(join(tmpdir(), 'catwalk-container-'));
  worker = await startLocalWorker({ port: 0, persistTo: join(folder, 'state') });
  const built = { baseImage: await ensureBaseImage(), host: await hostSettings() };
  images.push(await buildImage({ ...built, program: 'trainer', settings: { VARIANT: 'cpu' } }));
  images.push(await buildImage({ ...built, program: 'worker' }));
  [container, workerContainer] = (await Promise.all(images.map(createContainer))) as [
    Container,
    Container,
  ];
});
afterAll(async () => {
  await worker?.stop();
  await container?.remove();
  await workerContainer?.remove();
  for (const image of images) await buildah('rmi', image);
  await rm(folder, { recursive: true, force: true });
});

describe('the trainer image', () => {
  it('runs as an unprivileged user on the Node of the lockfile, without build tools', async () => {
    const script =
      'id -u; node --version; for tool in gcc g++ make npm pip3 python3; do command -v $tool; done; true';
    const run = container.startProgram(['sh', '-c', script]);
    expect(await run.exited).toBe(0);
    expect(run.output().trim().split('\n')).toEqual(['10001', process.version]);
  });

  it('passes catwalk doctor for TensorFlow, also as an arbitrary user of group 0', async () => {
    const run = container.start(['doctor', '--data-dir', '/data'], {
      ...mountedDataset,
      user: '1000770000:0',
    });
    expect(await run.exited, run.output()).toBe(0);
    expect(run.output()).toMatch(/ok {4}backend tensorflow {2}2\.21\.0 on CPU/);
  });

  it('trains on real data and publishes over HTTP to a running Worker, which serves the model', async () => {
    const run = container.start(
      [
        'train',
        '--backend',
        'tensorflow',
        '--data-dir',
        '/data',
        '--limit',
        '4000',
        '--epochs',
        '1',
        '--publish',
        's3://catwalk',
      ],
      { ...mountedDataset, environment: worker.env },
    );
    expect(await run.exited, run.output()).toBe(0);
    expect(run.output()).toContain('Backend tensorflow on CPU');
    // Plain lines, because there is no terminal.
    expect(run.output()).toMatch(/Test: accuracy [5-9]\d\.\d\d %/);
    const version = /Published (\S+); production now names it/.exec(run.output())?.[1];
    expect(version).toBeDefined();
    const served = await untilServed(worker.url, String(version));
    expect(served.actual).toEqual({ id: 9, label: 'Ankle boot' });
    expect(served.model).toEqual({ name: 'fashion-mnist-cnn', version, alias: 'production' });
  });

  it('publishes to the S3 bucket that the Worker image serves from, configured only by environment variables', async () => {
    const port = await claimPort(0, '127.0.0.1');
    const run = workerContainer.start([], {
      environment: { ...worker.env, S3_BUCKET: 'catwalk', PORT: String(port) },
      user: '1000770000:0',
    });
    const url = `http://127.0.0.1:${port}`;
    while (!(await fetch(url).catch(() => null))) {
      expect(run.child.exitCode, run.output()).toBeNull();
      await wait(100);
    }
    const { model } = (await (await fetch(`${worker.url}/predict?index=0`)).json()) as Answer;
    const served = await untilServed(url, model.version);
    expect(served.actual).toEqual({ id: 9, label: 'Ankle boot' });
    await terminate(run, 'timeout');
    expect(await run.exited, run.output().slice(-500)).toBe(0);
    expect(run.output()).not.toContain(worker.env.AWS_SECRET_ACCESS_KEY);
  });

  it('ends with 143 within seconds of SIGTERM', async () => {
    const run = container.start(['train', '--json', '--data-dir', '/data'], mountedDataset);
    while (!run.output().includes('"progress"')) {
      expect(run.child.exitCode, run.output()).toBeNull();
      await wait(100);
    }
    await terminate(run);
    const start = performance.now();
    expect(await run.exited, run.output().slice(-500)).toBe(143);
    // Docker kills a container after ten seconds.
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  it('fails if the GPU image finds no GPU, unless --device cpu is given', async () => {
    const options = { ...mountedDataset, environment: { CATWALK_DEVICE: 'gpu' } };
    const train = ['train', '--data-dir', '/data', '--limit', '64', '--epochs', '1'];
    const refused = container.start(train, options);
    expect(await refused.exited).toBe(1);
    expect(refused.output()).toMatch(/webgpu is not set up.*tensorflow does not load/);
    const allowed = container.start([...train, '--device', 'cpu'], options);
    expect(await allowed.exited, allowed.output()).toBe(0);
  });
});

/** Sends SIGTERM to the container's first process, as an engine does. */
async function terminate(run: ImageRun, program = 'tini'): Promise<void> {
  const first = await findProcess(run.child.pid ?? 0, program);
  if (first === null) throw new Error(`No ${program} runs:\n${run.output()}`);
  process.kill(first, 'SIGTERM');
}

interface Answer {
  actual: object;
  model: { version: string };
}

/** Polls until the Worker answers from that version; the test's time limit ends it. */
async function untilServed(url: string, version: string): Promise<Answer> {
  for (;;) {
    const response = await fetch(`${url}/predict?index=0`);
    const body = (await response.json()) as Answer;
    if (response.ok && body.model.version === version) return body;
  }
}
