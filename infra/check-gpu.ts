/** `npm run check:gpu [-- --pack]`: checks everything that needs a GPU. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { explainFailure } from '../node/exit-code.ts';
import { queryGpus, readNativeSetup } from '../trainer/backend/native-setup.ts';
import { readWebgpuSetup } from '../trainer/backend/webgpu/webgpu-setup.ts';
import { loadDataset } from '../trainer/data/load-dataset.ts';
import {
  checkAdapter,
  checkLosses,
  checkSpeed,
  checkTutorial,
  measureLosses,
} from './gpu/check-webgpu.ts';
import { writePack } from './gpu/write-pack.ts';

const { pack } = new Command('npm run check:gpu --')
  .description(
    'Checks on a machine with a GPU that training runs on it, what accuracy it reaches, and how fast it is: webgpu on any GPU, tensorflow on NVIDIA GPUs, whichever is set up. Exit code 1 if a check fails. Takes up to ten minutes.',
  )
  .option(
    '--pack [folder]',
    'check nothing here, but write a folder that checks webgpu on a Linux machine without Node and network (default: build/gpu-pack)',
  )
  .parse()
  .opts<{ pack?: string | true }>();

const repository = resolve(import.meta.dirname, '..');
const runs = await mkdtemp(join(tmpdir(), 'catwalk-check-gpu-'));
const seed = ['--seed', '1', '--runs', runs];
let failures = 0;

function report(what: string, isRight: boolean, detail: string): void {
  if (!isRight) failures++;
  console.log(`${isRight ? 'ok  ' : 'FAIL'}  ${what}: ${detail}`);
}

async function catwalk(...commandArguments: string[]) {
  const cli = join(repository, 'trainer/cli.ts');
  const child = spawn(process.execPath, [cli, ...commandArguments], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = await once(child, 'close');
  return { code: code as number, output };
}

async function train(...options: string[]) {
  const { code, output } = await catwalk('train', '--json', ...seed, ...options);
  const events = output
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  const started = events.find(({ event }) => event === 'started');
  const epochs = events.filter(({ event }) => event === 'epoch');
  const losses = events.flatMap(({ event, loss }) => (event === 'progress' ? [loss] : []));
  return { code, backend: started?.backend, epochs, losses: losses as number[] };
}

async function checkWebgpu(): Promise<void> {
  await checkAdapter(report);
  const dataset = await loadDataset();
  const run = { batchSize: 64, limit: 3200 };
  await checkLosses(dataset, { ...run, losses: await measureLosses('wasm', dataset, run) }, report);
  for (const batchSize of [64, 512, 4096]) await checkSpeed(dataset, batchSize, report);
  await checkTutorial(dataset, report);
}

/** `auto` would take webgpu. */
const tensorflow = ['--backend', 'tensorflow'];

async function checkTensorflow(): Promise<void> {
  const gpus = await queryGpus().catch((error: Error) => [`none: ${error.message}`]);
  report('the driver has a GPU', !gpus[0]?.startsWith('none'), gpus.join('; '));
  const doctor = await catwalk('doctor', '--device', 'gpu');
  report('catwalk doctor --device gpu', doctor.code === 0, `exit code ${doctor.code}`);
  process.stdout.write(doctor.output);

  const short = ['--epochs', '1', '--limit', '1280'];
  const onGpu = await train(...tensorflow, '--device', 'gpu', ...short);
  const device = onGpu.backend?.device;
  report('training uses the GPU', device?.kind === 'GPU', JSON.stringify(device ?? null));
  const onCpu = await train(...tensorflow, '--device', 'cpu', ...short);
  const kind = onCpu.backend?.device.kind;
  report('--device cpu uses the CPU', kind === 'CPU', String(kind));
  const [gpuLoss = Number.NaN, cpuLoss = Number.NaN] = [onGpu.losses[0], onCpu.losses[0]];
  const difference = Math.abs(gpuLoss - cpuLoss);
  report(
    'the loss of the first step equals that on the CPU',
    difference < 1e-3,
    `${gpuLoss} and ${cpuLoss}`,
  );

  process.env.CUDA_VISIBLE_DEVICES = '-1';
  const hidden = await train(...tensorflow, '--device', 'gpu', ...short);
  report('--device gpu fails without a GPU', hidden.code === 1, `exit code ${hidden.code}`);
  delete process.env.CUDA_VISIBLE_DEVICES;

  for (const batchSize of ['64', '512']) {
    const options = [...tensorflow, '--device', 'gpu', '--batch-size', batchSize, '--epochs', '2'];
    const speed = (await train(...options)).epochs.at(-1)?.imagesPerSecond ?? 0;
    const detail = `${Math.round(speed)} images/s in the second epoch`;
    report(`throughput with batches of ${batchSize}`, speed > 0, detail);
  }
  const full = await train(...tensorflow, '--device', 'gpu');
  const accuracy = 100 * (full.epochs.at(-1)?.metrics.accuracy ?? 0);
  const isNear = Math.abs(accuracy - 91.3) <= 0.5;
  report('five epochs reach 91.3 ± 0.5 %', isNear, `${accuracy.toFixed(2)} %`);
}

async function check(): Promise<void> {
  const hasTensorflow = (await readNativeSetup())?.variant === 'gpu';
  const hasWebgpu = (await readWebgpuSetup()) !== null;
  const isSetUp = hasTensorflow || hasWebgpu;
  const detail = isSetUp ? 'yes' : 'run npm run setup:webgpu, or npm run setup:native -- --gpu';
  report('a backend for GPUs is set up', isSetUp, detail);
  try {
    if (hasWebgpu) await checkWebgpu();
    if (hasTensorflow) await checkTensorflow();
  } finally {
    await rm(runs, { recursive: true });
  }
  console.log(failures === 0 ? 'All checks passed.' : `${failures} checks failed.`);
  process.exitCode = failures === 0 ? 0 : 1;
}

try {
  if (pack === undefined) await check();
  else {
    const folder = pack === true ? join(repository, 'build/gpu-pack') : resolve(pack);
    await writePack(folder, console.log);
  }
} catch (error) {
  process.exitCode = explainFailure(error);
}
