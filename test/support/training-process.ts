import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const cli = join(import.meta.dirname, '../../trainer/cli.ts');

/**
 * Arguments of a small training with a recipe that uses every setting: 3 epochs of 9 steps.
 *
 * @param dataset a folder of a hundred images
 */
export const smallTraining = (dataset: string): string[] => [
  '--recipe',
  'best',
  '--epochs',
  '3',
  '--warmup-epochs',
  '1',
  '--batch-size',
  '7',
  '--flip',
  '--erase',
  '4',
  '--photos',
  '0.5',
  '--limit',
  '90',
  '--validation',
  '30',
  '--backend',
  'wasm',
  '--threads',
  '2',
  '--checkpoint-steps',
  '1',
  '--dataset',
  dataset,
];

export interface TrainingProcess {
  child: ChildProcess;
  /** Its reports so far. */
  reports: Record<string, unknown>[];
  /** Resolves with its exit code, null if a signal killed it, and with its stderr. */
  ended: Promise<{ code: number | null; stderr: string }>;
}

/** Starts `catwalk train --json` with these arguments. */
export function startTraining(
  argv: readonly string[],
  onReport: (report: Record<string, unknown>, child: ChildProcess) => void = () => {},
  environment: Record<string, string> = {},
): TrainingProcess {
  const child = spawn(process.execPath, [cli, 'train', '--json', ...argv], {
    env: { ...process.env, ...environment },
  });
  const reports: Record<string, unknown>[] = [];
  createInterface(child.stdout).on('line', (line) => {
    // A process that is killed may leave part of a line.
    if (!line.endsWith('}')) return;
    const report = JSON.parse(line);
    reports.push(report);
    onReport(report, child);
  });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stderr }));
  return { child, reports, ended };
}
