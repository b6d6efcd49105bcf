import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { claimPort, PortTakenError } from '../../../infra/local/processes.ts';
import { startLocalWorker, WorkerStartError } from '../../../infra/local/worker.ts';
import { openBucket } from '../../../trainer/registry/bucket.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-worker-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** Processes whose command line names the test's folder: wrangler has it as an argument, workerd as a socket or path. */
function processesOf(port: string): string[] {
  const all = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' }).split('\n');
  return all.filter((line) => line.includes(folder) || line.includes(`127.0.0.1:${port}`));
}

describe('startLocalWorker', () => {
  test('serves, keeps its bucket across a restart, and leaves no process behind', async () => {
    const text = { contentType: 'text/plain' };
    for (const run of [1, 2]) {
      const worker = await startLocalWorker({ port: 0, persistTo: folder });
      const { port } = new URL(worker.url);
      try {
        expect((await fetch(`${worker.url}/healthz`)).status).toBe(200);
        const bucket = openBucket({ url: 's3://catwalk', environment: worker.env });
        if (run === 1) await bucket.put('kept', new Uint8Array([1]), text);
        expect((await bucket.get('kept'))?.bytes).toEqual(new Uint8Array([1]));
        expect(processesOf(port).length).toBeGreaterThanOrEqual(2);
      } finally {
        await worker.stop();
      }
      await worker.exited;
      expect(processesOf(port)).toEqual([]);
      await worker.stop();
    }
  });

  test('reports why the Worker cannot start', async () => {
    const config = join(folder, 'wrangler.toml');
    await writeFile(
      config,
      'name = "broken"\nmain = "absent.ts"\ncompatibility_date = "2026-11-01"',
    );
    const starting = startLocalWorker({ port: 0, persistTo: folder, config });
    const error = await starting.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(WorkerStartError);
    const { message } = error as WorkerStartError;
    expect(message).toContain('absent.ts');
    expect(message).toContain(join(folder, 'worker.log'));
    expect(await readFile(join(folder, 'worker.log'), 'utf8')).toContain('absent.ts');
    expect(processesOf('none')).toEqual([]);
  });

  test('can be aborted while it starts', async () => {
    const stop = new AbortController();
    const starting = startLocalWorker({ port: 0, persistTo: folder, signal: stop.signal });
    stop.abort();
    await expect(starting).rejects.toMatchObject({ name: 'AbortError' });
    expect(processesOf('none')).toEqual([]);
  });
});

test('a port that another program uses is refused with the next step', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  try {
    const error = await claimPort(port, '127.0.0.1').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(PortTakenError);
    expect((error as Error).message).toMatch(new RegExp(`Port ${port} is used.*--port`));
  } finally {
    server.close();
  }
  await once(server, 'close');
  expect(await claimPort(port, '127.0.0.1')).toBe(port);
});
