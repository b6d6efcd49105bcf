import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const repository = join(import.meta.dirname, '../..');

/** One epoch of a contestant. */
export interface EpochResult {
  imagesPerSecond: number;
  /** Of training steps, since the start. */
  seconds: number;
  accuracy: number;
}

export interface Training {
  epochs: EpochResult[];
  /** The largest resident set of the process. */
  peakBytes: number;
}

export interface Contestant {
  name: string;
  train(options: { limit: number; epochs: number; seed: number }): Promise<Training>;
}

/** Catwalk's own trainer, as its users run it. */
export function catwalkContestant(name: string, ...flags: string[]): Contestant {
  return {
    name,
    async train({ limit, epochs, seed }) {
      const events = await jsonLines(process.execPath, [
        ...[join(repository, 'trainer/cli.ts'), 'train', '--json'],
        ...['--runs', join(tmpdir(), 'catwalk-bench-runs'), ...flags],
        ...['--limit', String(limit), '--epochs', String(epochs), '--seed', String(seed)],
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

/** The tutorial's loop in PyTorch on the CPU, or null where Python has no torch. */
export async function pytorchContestant(
  python: string,
  dataDir: string,
): Promise<Contestant | null> {
  try {
    await run(python, ['-c', 'import torch']);
  } catch {
    return null;
  }
  const script = join(import.meta.dirname, 'peers/pytorch_tutorial.py');
  return {
    name: 'PyTorch CPU',
    async train({ limit, epochs, seed }) {
      const results = await jsonLines(python, [
        ...[script, '--data-dir', dataDir, '--limit', String(limit)],
        ...['--epochs', String(epochs), '--seed', String(seed)],
      ]);
      return { epochs: results, peakBytes: results.at(-1).peakBytes };
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: two programs' lines, each read by the one that knows them.
async function jsonLines(program: string, argv: string[]): Promise<any[]> {
  const { stdout } = await run(program, argv, { maxBuffer: 2 ** 28 });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}
