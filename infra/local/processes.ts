import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

const pollMs = 50;
const afterKillMs = 2_000;

/**
 * Ends a child that was spawned with `detached: true` and everything it started: SIGTERM to the child, so that it can
 * close what it opened, then SIGKILL to whatever is left of its group.
 *
 * @param graceMs how long the child may take to end by itself
 */
export async function endProcessGroup(child: ChildProcess, graceMs: number): Promise<void> {
  if (child.pid === undefined) return;
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
  if (await isGroupGone(child.pid, graceMs)) return;
  killProcessGroup(child.pid);
  await isGroupGone(child.pid, afterKillMs);
}

/** SIGKILL to a process group; does nothing where it is gone. */
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

/** @returns whether the group has a process; signal 0 only asks */
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
      `Port ${port} is taken by another program. End it, or choose another port with --port (0 takes any free one).`,
      options,
    );
    this.port = port;
  }
}

/**
 * @param port 0 stands for any free one
 * @returns a port of `host` that was free just now
 * @throws {PortTakenError} where another program listens on it
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
