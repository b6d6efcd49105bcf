import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { claimPort } from '../../../infra/local/processes.ts';
import { requirement } from '../requirement.ts';

/** moto_server (https://docs.getmoto.org/en/latest/docs/server_mode.html): an independent S3 server, in memory. */
export interface MotoServer {
  endpoint: string;
  stop(): Promise<void>;
}

const startLimitMs = 60_000;

/** @returns `null` if it is not installed, which is reported */
export async function startMoto(): Promise<MotoServer | null> {
  const port = await claimPort(0, '127.0.0.1');
  const child = spawn('moto_server', ['--host', '127.0.0.1', '--port', String(port)], {
    stdio: 'ignore',
  });
  const failed = once(child, 'error').then(() => 'failed' as const);
  const started = once(child, 'spawn').then(() => 'started' as const);
  if ((await Promise.race([failed, started])) === 'failed') {
    requirement(
      false,
      "tests against a second S3 server. Run `pip install 'moto[server]'` first.",
      'CATWALK_REQUIRE_MOTO',
    );
    return null;
  }
  const endpoint = `http://127.0.0.1:${port}`;
  const exited = once(child, 'exit');
  const stop = async () => {
    child.kill();
    await exited;
  };
  const end = Date.now() + startLimitMs;
  while (!(await fetch(endpoint).catch(() => null))) {
    if (child.exitCode !== null || Date.now() > end) {
      await stop();
      throw new Error(`moto_server does not answer at ${endpoint}.`);
    }
    await wait(100);
  }
  return { endpoint, stop };
}
