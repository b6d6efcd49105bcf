import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const repository = join(import.meta.dirname, '../..');

const tutorialEpochs = 5;

/** One epoch of a contestant. */
export interface EpochResult {
  imagesPerSecond: number;
  /** Seconds of training steps since the start. */
  seconds: number;
  accuracy: number;
}

export interface TrainingOptions {
  limit: number;
  /** (default: those of the contestant's recipe) */
  epochs?: number;
  seed: number;
  /** The test accuracy after which it may stop, if its schedule does not need all epochs. */
  until?: number;
}

export interface Training {
  epochs: EpochResult[];
  /** The largest resident set of the process. */
  peakBytes: number;
}

export interface Contestant {
  name: string;
  /** The kernels of one training step, if the contestant is Catwalk's. */
  countStep?(): Promise<StepCount>;
  train(options: TrainingOptions): Promise<Training>;
}

export interface StepCount {
  /** Kernels, or operations of TensorFlow. */
  kernels: number;
  leakedTensors: number;
}

/** Catwalk's own trainer, as its users run it. The kernels of a step are counted for the tutorial's network. */
export function catwalkContestant(
  name: string,
  backend: 'tensorflow' | 'wasm',
  ...flags: string[]
): Contestant {
  return {
    name,
    ...(!flags.includes('--network') && {
      async countStep() {
        const script = join(import.meta.dirname, 'count-kernels.ts');
        return (await jsonLines(process.execPath, [script, backend]))[0];
      },
    }),
    async train({ limit, epochs, seed }) {
      const events = await jsonLines(process.execPath, [
        join(repository, 'trainer/cli.ts'),
        'train',
        '--json',
        '--runs',
        join(tmpdir(), 'catwalk-bench-runs'),
        '--backend',
        backend,
        ...flags,
        '--limit',
        String(limit),
        '--seed',
        String(seed),
        ...(epochs === undefined ? [] : ['--epochs', String(epochs)]),
      ]);
      return {
        epochs: events
          .filter(({ event }) => event === 'epoch')
          .map(({ imagesPerSecond, seconds, metrics }) => ({
            imagesPerSecond,
            seconds,
            accuracy: metrics.accuracy,
          })),
        peakBytes: events.at(-1).peakBytes,
      };
    },
  };
}

/** Stock TensorFlow.js, on the same TensorFlow as Catwalk's native backend. */
export const stockContestant: Contestant = {
  name: 'stock TensorFlow.js native',
  async train({ limit, epochs = tutorialEpochs, seed }) {
    const script = join(import.meta.dirname, 'peers/stock-tfjs.ts');
    const results = await jsonLines(process.execPath, [
      script,
      '--limit',
      String(limit),
      '--epochs',
      String(epochs),
      '--seed',
      String(seed),
    ]);
    return { epochs: results, peakBytes: results.at(-1).peakBytes };
  },
};

/**
 * The same network and recipe in PyTorch on the CPU, or null if Python has no torch.
 *
 * @param program its file in peers/
 */
export async function pytorchContestant(
  python: string,
  dataDir: string,
  program = 'pytorch_tutorial.py',
): Promise<Contestant | null> {
  try {
    await run(python, ['-c', 'import torch']);
  } catch {
    return null;
  }
  const script = join(import.meta.dirname, 'peers', program);
  return {
    name: 'PyTorch CPU',
    async train({ limit, epochs = tutorialEpochs, seed, until }) {
      const results = await jsonLines(python, [
        script,
        '--data-dir',
        dataDir,
        '--limit',
        String(limit),
        '--epochs',
        String(epochs),
        '--seed',
        String(seed),
        ...(until === undefined ? [] : ['--until', String(until)]),
      ]);
      return { epochs: results, peakBytes: results.at(-1).peakBytes };
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: the output of two programs, each checked by its reader.
async function jsonLines(program: string, argv: string[]): Promise<any[]> {
  const { stdout } = await run(program, argv, { maxBuffer: 2 ** 28 });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}
