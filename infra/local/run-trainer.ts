import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { join } from 'node:path';

const trainer = join(import.meta.dirname, '../../trainer/cli.ts');

/** Enough time to write a checkpoint. */
const graceMs = 10_000;

/**
 * Runs `catwalk train` in this terminal and waits for its end.
 *
 * @param env variables to add to this process's environment
 * @param signal stops it: SIGTERM, then SIGKILL after 10 seconds
 * @returns its exit code, or 128 + the signal's number if a signal ended it
 */
export async function runTrainer(
  trainerArguments: readonly string[],
  env: Record<string, string>,
  signal: AbortSignal,
): Promise<number> {
  signal.throwIfAborted();
  const child = spawn(process.execPath, [trainer, 'train', ...trainerArguments], {
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  const killAtExit = () => child.kill('SIGKILL');
  const end = () => endTrainer(child);
  process.once('exit', killAtExit);
  signal.addEventListener('abort', end, { once: true });
  try {
    const [code, endedBy] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return code ?? 128 + (endedBy ? constants.signals[endedBy] : 0);
  } finally {
    process.off('exit', killAtExit);
    signal.removeEventListener('abort', end);
  }
}

function endTrainer(child: ChildProcess) {
  child.kill('SIGTERM');
  const kill = setTimeout(() => child.kill('SIGKILL'), graceMs);
  child.once('exit', () => clearTimeout(kill));
}
