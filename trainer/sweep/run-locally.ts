import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import * as z from 'zod';
import type { Bucket } from '../registry/bucket.ts';
import { isFinished, readTrials, type Sweep, type Trial, trialFolder } from './sweep-records.ts';

/** An event of a local sweep. */
export type LocalSweepEvent =
  | { event: 'trial-started'; trial: number; pid: number | undefined }
  | { event: 'trial-epoch'; trial: number; epoch: number; validationAccuracy: number }
  /** With code 0, the message says that the trial diverged. */
  | { event: 'trial-ended'; trial: number; code: number; message: string | null };

export interface LocalSweep {
  sweep: Sweep;
  /** The number of concurrent trials, each in its own process. */
  processes: number;
  /** The arguments of `catwalk sweep` for every trial, without its index. */
  sweepArguments: readonly string[];
  onEvent: (event: LocalSweepEvent) => void;
  /** Stops every trial, with a checkpoint. */
  signal: AbortSignal;
}

/** Time for writing a checkpoint to the bucket. */
const graceMs = 30_000;
/** TypeScript in the repository, JavaScript in the installed package, as this file is. */
const cli = join(import.meta.dirname, `../cli${extname(import.meta.filename)}`);

const epochEvent = z.object({
  event: z.literal('epoch'),
  epoch: z.int(),
  validation: z.object({ accuracy: z.number() }),
});

/**
 * Runs every trial that is neither done nor misconfigured, each in its own process, as a cluster would.
 *
 * @returns all trials, with their new states
 */
export async function runLocally(bucket: Bucket, local: LocalSweep): Promise<Trial[]> {
  const { sweep, processes, signal } = local;
  const waiting = (await readTrials(bucket, sweep))
    .filter(({ status }) => !isFinished(status) && status?.state !== 'misconfigured')
    .map(({ index }) => index);
  const work = async () => {
    for (let trial = waiting.shift(); trial !== undefined; trial = waiting.shift()) {
      if (signal.aborted) return;
      await runProcess(bucket, trial, local);
    }
  };
  await Promise.all(Array.from({ length: Math.min(processes, waiting.length) }, work));
  signal.throwIfAborted();
  return readTrials(bucket, sweep);
}

async function runProcess(
  bucket: Bucket,
  trial: number,
  { sweep, sweepArguments, onEvent, signal }: LocalSweep,
) {
  const child = spawn(
    process.execPath,
    [cli, 'sweep', `--index=${trial}`, '--json', ...sweepArguments],
    {
      // In its own process group, so that Ctrl-C reaches only this process, which then stops the trials.
      detached: true,
      // The IPC channel closes when this process ends in any way, which stops the trial.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  );
  const stop = () => stopChild(child);
  signal.addEventListener('abort', stop, { once: true });
  onEvent({ event: 'trial-started', trial, pid: child.pid });
  createInterface(child.stdout as NodeJS.ReadableStream).on('line', (line) => {
    const report = epochEvent.safeParse(parseLine(line));
    if (!report.success) return;
    const { epoch, validation } = report.data;
    onEvent({ event: 'trial-epoch', trial, epoch, validationAccuracy: validation.accuracy });
  });
  let errors = '';
  child.stderr?.on('data', (chunk) => {
    // The reason is at the end. A flood of warnings before it is dropped.
    errors = `${errors}${chunk}`.slice(-10_000);
  });
  const [code, endedBy] = await once(child, 'close');
  signal.removeEventListener('abort', stop);
  const failure = errors.trim() || (endedBy ? `ended by ${endedBy}` : '');
  const message =
    code === 0
      ? ((await trialFolder(bucket, sweep.name, trial).readStatus())?.message ?? null)
      : failure.replace(/^error: /, '');
  onEvent({ event: 'trial-ended', trial, code: code ?? 1, message });
}

function stopChild(child: ChildProcess): void {
  child.kill('SIGTERM');
  const kill = setTimeout(() => child.kill('SIGKILL'), graceMs);
  child.once('exit', () => clearTimeout(kill));
}

/** Parses a line of JSON; null if it is incomplete, because the process was killed. */
function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
