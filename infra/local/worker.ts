import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { claimPort, endProcessGroup, killProcessGroup } from './processes.ts';

export interface LocalWorkerOptions {
  /** 0 takes any free one. */
  port: number;
  /** The folder that the local bucket is kept in. */
  persistTo: string;
  /** Takes what `wrangler dev` prints; worker.log in `persistTo` unless told. */
  logFile?: string;
  /** Another wrangler configuration than the repository's. */
  config?: string;
  /** Laid over the configuration's `vars`. */
  variables?: Record<string, string>;
  /** Gives up the start. */
  signal?: AbortSignal;
}

export interface LocalWorker {
  /** Such as `http://127.0.0.1:8787`. */
  url: string;
  /** Where the local bucket `catwalk` is served over the S3 API. */
  s3Endpoint: string;
  /** The standard AWS variables that open the local bucket, to be laid over a process's environment. */
  env: Record<string, string>;
  logFile: string;
  /** Resolves when the Worker has ended, by itself or by `stop`. */
  exited: Promise<void>;
  /** Ends the Worker and every process it started; resolves when they are gone. */
  stop(): Promise<void>;
}

/** The Worker did not start; the message has the end of its log. */
export class WorkerStartError extends Error {
  override name = 'WorkerStartError';
}

const host = '127.0.0.1';
const startLimitMs = 90_000;
const pollMs = 100;
const stopGraceMs = 5_000;
const repository = resolve(import.meta.dirname, '../..');

/**
 * Starts the Worker with `wrangler dev` and waits until it answers: workerd on this machine, the bucket in a folder, its
 * S3 API on. Needs no account and no network.
 *
 * @throws {PortTakenError} where another program listens on the port
 * @throws {WorkerStartError} where the Worker ends, or answers nothing within 90 seconds
 */
export async function startLocalWorker(options: LocalWorkerOptions): Promise<LocalWorker> {
  const { signal } = options;
  signal?.throwIfAborted();
  const port = await claimPort(options.port, host);
  const url = `http://${host}:${port}`;
  const persistTo = resolve(options.persistTo);
  const logFile = options.logFile ? resolve(options.logFile) : join(persistTo, 'worker.log');
  const { config, variables = {} } = options;
  const child = spawnWrangler({ port, persistTo, logFile, config, variables });
  const exited = once(child, 'exit').then(() => {});
  // Whatever ends this process, the Worker must not outlive it.
  const killAtExit = () => child.pid !== undefined && killProcessGroup(child.pid);
  process.once('exit', killAtExit);
  const stop = async () => {
    await endProcessGroup(child, stopGraceMs);
    process.off('exit', killAtExit);
  };
  try {
    await untilHealthy(child, url, signal);
  } catch (error) {
    await stop();
    signal?.throwIfAborted();
    throw new WorkerStartError(
      `The local Worker ${(error as Error).message}. The end of its log, ${logFile}:\n${await tail(logFile)}\nWhere something built is missing: npm run build`,
      { cause: error },
    );
  }
  const s3Endpoint = `${url}/cdn-cgi/local/r2/s3`;
  return { url, s3Endpoint, env: localBucketEnvironment(s3Endpoint), logFile, exited, stop };
}

/** The credentials are those of wrangler.jsonc; they open nothing but the bucket on this machine. */
function localBucketEnvironment(s3Endpoint: string) {
  return {
    AWS_ACCESS_KEY_ID: 'catwalk-local',
    AWS_SECRET_ACCESS_KEY: 'catwalk-local-secret',
    // A token or endpoint of the user's own account would go with these keys otherwise.
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
        ...['--config', config],
        ...['--ip', host, '--port', String(options.port), '--inspector-port', '0'],
        ...['--persist-to', options.persistTo],
        ...Object.entries(options.variables).flatMap(([name, value]) => [
          '--var',
          `${name}:${value}`,
        ]),
        '--show-interactive-dev-session=false',
      ],
      {
        cwd: dirname(config),
        // A group of its own: Ctrl-C in the terminal reaches this process alone, which then ends the group in order.
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
  // Placeholder geography for request.cf, instead of a download at each start.
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
};

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
    return response.ok;
  } catch {
    return false;
  }
}

async function tail(logFile: string): Promise<string> {
  const lines = (await readFile(logFile, 'utf8')).trimEnd().split('\n');
  return lines.slice(-30).join('\n');
}
