import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { claimPort, endProcessGroup, killProcessGroup } from './processes.ts';

export interface LocalWorkerOptions {
  /** 0 for any free port. */
  port: number;
  /** The folder of the local bucket. */
  persistTo: string;
  /** The file for the output of `wrangler dev` (default: worker.log in `persistTo`). */
  logFile?: string;
  /** A wrangler configuration (default: the repository's). */
  config?: string;
  /** Variables that override the configuration's `vars`, and the default that there is no snapshot. */
  variables?: Record<string, string>;
  /** Cancels the start. */
  signal?: AbortSignal;
}

export interface LocalWorker {
  /** Resolves when it answers. Rejects with a WorkerStartError if it does not start, or with the signal's reason; it has ended then. */
  started: Promise<void>;
  /** Such as `http://127.0.0.1:8787`. */
  url: string;
  /** The S3 endpoint of the local bucket `catwalk`. */
  s3Endpoint: string;
  /** The AWS variables for the local bucket, to add to a process's environment. */
  env: Record<string, string>;
  logFile: string;
  /** Resolves when the Worker has ended, by itself or after `stop`. */
  exited: Promise<void>;
  /** Stops the Worker and every process that it started; resolves when they have ended. */
  stop(): Promise<void>;
}

/** The Worker did not start. The message contains the end of its log. */
export class WorkerStartError extends Error {
  override name = 'WorkerStartError';
}

const host = '127.0.0.1';
const startLimitMs = 90_000;
const pollMs = 100;
const stopGraceMs = 5_000;
const repository = resolve(import.meta.dirname, '../..');

/**
 * Starts the Worker as `launchLocalWorker` does, and waits until it answers.
 *
 * @throws {PortTakenError} if another program listens on the port
 * @throws {WorkerStartError} if the Worker ends, or does not answer within 90 seconds
 */
export async function startLocalWorker(options: LocalWorkerOptions): Promise<LocalWorker> {
  const worker = await launchLocalWorker(options);
  await worker.started;
  return worker;
}

/**
 * Starts the Worker with `wrangler dev`, without waiting until it answers. It runs in workerd on this machine, with its bucket in a
 * folder and the bucket's S3 API enabled. Needs neither an account nor a network.
 *
 * @throws {PortTakenError} if another program listens on the port
 */
export async function launchLocalWorker(options: LocalWorkerOptions): Promise<LocalWorker> {
  const { signal } = options;
  signal?.throwIfAborted();
  const port = await claimPort(options.port, host);
  const url = `http://${host}:${port}`;
  const persistTo = resolve(options.persistTo);
  const logFile = options.logFile ? resolve(options.logFile) : join(persistTo, 'worker.log');
  const { config } = options;
  // Programs that start a Worker want the model that they publish, however slowly it loads.
  const variables = { SNAPSHOT: 'off', ...options.variables };
  const child = spawnWrangler({ port, persistTo, logFile, config, variables });
  const exited = once(child, 'exit').then(() => {});
  // The Worker must not outlive this process, however it ends.
  const killAtExit = () => child.pid !== undefined && killProcessGroup(child.pid);
  process.once('exit', killAtExit);
  const stop = async () => {
    await endProcessGroup(child, stopGraceMs);
    process.off('exit', killAtExit);
  };
  const started = untilHealthy(child, url, signal).catch(async (error: Error) => {
    await stop();
    signal?.throwIfAborted();
    throw new WorkerStartError(
      `The local Worker ${error.message}. The end of its log, ${logFile}:\n${await tail(logFile)}\nIf a built file is missing, run: npm run build`,
      { cause: error },
    );
  });
  // Whoever stops it before it answers does not wait for this.
  started.catch(() => {});
  const s3Endpoint = `${url}/cdn-cgi/local/r2/s3`;
  const env = localBucketEnvironment(s3Endpoint);
  return { started, url, s3Endpoint, env, logFile, exited, stop };
}

/** Returns the credentials of wrangler.jsonc, which only open the bucket on this machine. */
function localBucketEnvironment(s3Endpoint: string) {
  return {
    AWS_ACCESS_KEY_ID: 'catwalk-local',
    AWS_SECRET_ACCESS_KEY: 'catwalk-local-secret',
    // Overrides a token and endpoint of the user's own account.
    AWS_SESSION_TOKEN: '',
    AWS_ENDPOINT_URL: s3Endpoint,
    AWS_ENDPOINT_URL_S3: s3Endpoint,
    AWS_REGION: 'auto',
  };
}

function spawnWrangler(options: {
  port: number;
  persistTo: string;
  logFile: string;
  config: string | undefined;
  variables: Record<string, string>;
}): ChildProcess {
  const manifest = createRequire(import.meta.url).resolve('wrangler/package.json');
  const wrangler = join(dirname(manifest), 'bin/wrangler.js');
  const config = options.config ?? join(repository, 'wrangler.jsonc');
  mkdirSync(dirname(options.logFile), { recursive: true });
  const log = openSync(options.logFile, 'w');
  try {
    return spawn(
      process.execPath,
      [
        wrangler,
        'dev',
        `--config=${config}`,
        `--ip=${host}`,
        `--port=${options.port}`,
        '--inspector-port=0',
        `--persist-to=${options.persistTo}`,
        ...Object.entries(options.variables).map(([name, value]) => `--var=${name}:${value}`),
        '--show-interactive-dev-session=false',
      ],
      {
        cwd: dirname(config),
        // Its own process group: Ctrl-C in the terminal only reaches this process, which then stops the group in order.
        detached: true,
        stdio: ['ignore', log, log],
        env: { ...process.env, ...wranglerEnvironment },
      },
    );
  } finally {
    closeSync(log);
  }
}

const wranglerEnvironment = {
  CI: 'true',
  NO_COLOR: '1',
  FORCE_COLOR: '0',
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  // Fills request.cf with placeholders instead of a download at each start.
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
};

/** Waits for any answer but a 5xx: a Worker of one's own may have no /healthz. */
async function untilHealthy(child: ChildProcess, url: string, signal: AbortSignal | undefined) {
  const end = Date.now() + startLimitMs;
  while (!(await answers(`${url}/healthz`))) {
    signal?.throwIfAborted();
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`ended with ${child.signalCode ?? `code ${child.exitCode}`}`);
    }
    if (Date.now() > end) throw new Error(`did not answer within ${startLimitMs / 1000} seconds`);
    await wait(pollMs, undefined, signal ? { signal } : {});
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(startLimitMs) });
    await response.body?.cancel();
    return response.status < 500;
  } catch {
    return false;
  }
}

async function tail(logFile: string): Promise<string> {
  const lines = (await readFile(logFile, 'utf8')).trimEnd().split('\n');
  return lines.slice(-30).join('\n');
}
