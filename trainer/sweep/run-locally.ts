import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import * as z from 'zod';
import type { Bucket } from '../registry/bucket.ts';
import { readTrials, type Sweep, type Trial } from './sweep-records.ts';

/** What a local sweep tells while it runs. */
export type LocalSweepEvent =
  | { event: 'trial-started'; trial: number; pid: number | undefined }
  | { event: 'trial-epoch'; trial: number; epoch: number; validationAccuracy: number }
  | { event: 'trial-ended'; trial: number; code: number; message: string | null };

export interface LocalSweep {
  sweep: Sweep;
  /** Trials that run at once, each in a process of its own. */
  processes: number;
  /** Arguments of `catwalk sweep` for each, besides its index. */
  sweepArguments: readonly string[];
  onEvent: (event: LocalSweepEvent) => void;
  /** Ends every trial, with a checkpoint. */
  signal: AbortSignal;
}

/** Long enough to write a checkpoint to the bucket. */
const graceMs = 30_000;
const cli = join(import.meta.dirname, '../cli.ts');

const epochEvent = z.object({
  event: z.literal('epoch'),
  epoch: z.int(),
  validation: z.object({ accuracy: z.number() }),
});

/**
 * Runs every trial that is neither done nor misconfigured, as a cluster would: each by its index, in a process of its own.
 *
 * @returns all trials, as they are then
 */
export async function runLocally(bucket: Bucket, local: LocalSweep): Promise<Trial[]> {
  const { sweep, processes, signal } = local;
  const waiting = (await readTrials(bucket, sweep))
    .filter(({ status }) => status?.state !== 'done' && status?.state !== 'misconfigured')
    .map(({ index }) => index);
  const work = async () => {
    for (let trial = waiting.shift(); trial !== undefined; trial = waiting.shift()) {
      if (signal.aborted) return;
      await runProcess(trial, local);
    }
  };
  await Promise.all(Array.from({ length: Math.min(processes, waiting.length) }, work));
  signal.throwIfAborted();
  return readTrials(bucket, sweep);
}

async function runProcess(trial: number, { sweepArguments, onEvent, signal }: LocalSweep) {
  const child = spawn(
    process.execPath,
    [cli, 'sweep', `--index=${trial}`, '--json', ...sweepArguments],
    {
      // A group of its own: Ctrl-C reaches this process alone, which then ends the trials in order.
      detached: true,
      // The channel tells a trial when this process is gone, however it went.
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
    // The end says why; a flood of warnings before it is not kept.
    errors = `${errors}${chunk}`.slice(-10_000);
  });
  const [code, endedBy] = await once(child, 'close');
  signal.removeEventListener('abort', stop);
  const message = errors.trim() || (endedBy ? `ended by ${endedBy}` : '');
  onEvent({
    event: 'trial-ended',
    trial,
    code: code ?? 1,
    message: code === 0 ? null : message.replace(/^error: /, ''),
  });
}

function stopChild(child: ChildProcess): void {
  child.kill('SIGTERM');
  const kill = setTimeout(() => child.kill('SIGKILL'), graceMs);
  child.once('exit', () => clearTimeout(kill));
}

/** A process that was killed may leave part of a line. */
function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
