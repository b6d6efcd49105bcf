import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

const pollMs = 50;
const afterKillMs = 2_000;

/**
 * Stops a child that was spawned with `detached: true`, and everything that it started. Sends SIGTERM to the child, then
 * SIGKILL to the rest of its group.
 *
 * @param graceMs the time between the two signals, in which the child can clean up
 */
export async function endProcessGroup(child: ChildProcess, graceMs: number): Promise<void> {
  if (child.pid === undefined) return;
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
  if (await isGroupGone(child.pid, graceMs)) return;
  killProcessGroup(child.pid);
  await isGroupGone(child.pid, afterKillMs);
}

/** Sends SIGKILL to a process group. Does nothing if it has ended. */
export function killProcessGroup(groupId: number): void {
  signalGroup(groupId, 'SIGKILL');
}

async function isGroupGone(groupId: number, withinMs: number): Promise<boolean> {
  const end = Date.now() + withinMs;
  while (signalGroup(groupId, 0)) {
    if (Date.now() > end) return false;
    await wait(pollMs);
  }
  return true;
}

/** @returns whether the group has a process; signal 0 only checks that */
function signalGroup(groupId: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-groupId, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** Another program listens on the port. */
export class PortTakenError extends Error {
  override name = 'PortTakenError';
  readonly port: number;

  constructor(port: number, options: ErrorOptions) {
    super(
      `Port ${port} is used by another program. Stop it, or choose another port with --port (0 for any free port).`,
      options,
    );
    this.port = port;
  }
}

/**
 * Finds a port of `host` that is free at this moment.
 *
 * @param port 0 for any free port
 * @throws {PortTakenError} if another program listens on it
 */
export async function claimPort(port: number, host: string): Promise<number> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new PortTakenError(port, { cause: error });
  }
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : port;
}
