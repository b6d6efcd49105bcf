/** The server of the Worker's container, as its Dockerfile builds it, on a real S3 API. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { claimPort } from '../../infra/local/processes.ts';
import { runBuildStage } from '../support/dockerfile.ts';
import { publishModels } from '../support/models/publish-models.ts';
import { type S3Server, startLocalR2 } from '../support/s3/s3-servers.ts';

const dockerfile = join(import.meta.dirname, '../../infra/worker/Dockerfile');
const isRoot = process.getuid?.() === 0;
const nobody = { uid: 65534, gid: 65534 };

let folder: string;
let image: string;
let store: S3Server;
let version: string;
const running: ChildProcess[] = [];

interface Server {
  child: ChildProcess;
  url: string;
  environment: Record<string, string>;
  output(): string;
}

beforeAll(async () => {
  store = await startLocalR2();
  version = (await publishModels(store.environment, [1])).versions[0] ?? '';
  const built = await runBuildStage('infra/worker/Dockerfile');
  folder = await mkdtemp(join(tmpdir(), 'catwalk-image-'));
  image = join(folder, 'image');
  const text = await readFile(dockerfile, 'utf8');
  const [, from = ''] =
    /^COPY --from=build \/opt\/catwalk\/(\S+) \/opt\/catwalk$/m.exec(text) ?? [];
  await cp(join(built.folder, from), image, { recursive: true });
  await rm(built.folder, { recursive: true });
  // Other users can't read a folder of mkdtemp.
  await chmodTree('u=rwX,go=rX', folder);
  await chmodTree('a-w', image);
});
afterEach(() => {
  // workerd is a child of `timeout`, in the same group.
  for (const { pid } of running.splice(0)) killGroup(pid as number);
});
afterAll(async () => {
  await store?.stop();
  if (image) await chmodTree('u+w', image);
  await rm(folder, { recursive: true, force: true });
});

describe('the server', () => {
  it.each([
    ['nobody', nobody],
    ['an arbitrary user of group 0', { uid: 1000770000, gid: 0 }],
  ])('serves as %s from a read-only tree', async (_, user) => {
    const { url, environment } = await startServer({}, user);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    const answer = await (await fetch(`${url}/predict?index=0`)).json();
    expect(answer).toMatchObject({ actual: { label: 'Ankle boot' }, model: { version } });
    expect(await exitOf('check-health', environment)).toBe(0);
    expect(await exitOf('check-health', { PORT: '1' })).toBe(1);
  });

  it('answers 404 to every path for development, whatever the Host', async () => {
    const { url } = await startServer();
    const paths = [
      '/cdn-cgi/local/r2/s3/catwalk?list-type=2',
      '/cdn-cgi/explorer/',
      '/cdn-cgi/explorer/api/r2/buckets',
      '/cdn-cgi/handler/scheduled',
      '/cdn-cgi/mf/scheduled',
      '/cdn-cgi/mf/reload',
      '/__scheduled',
      '/core/proxy',
    ];
    for (const path of paths) {
      for (const host of ['localhost', '127.0.0.1', 'localhost:8787', 'catwalk.local']) {
        for (const method of ['GET', 'PUT']) {
          const head = await rawRequest(url, `${method} ${path} HTTP/1.1`, host);
          expect(head, `${method} ${path} of ${host}`).toMatch(/^HTTP\/1\.1 404 /);
        }
      }
    }
    const absolute = 'GET http://localhost/cdn-cgi/local/r2/s3/catwalk HTTP/1.1';
    expect(await rawRequest(url, absolute, 'localhost')).toMatch(/^HTTP\/1\.1 40[04] /);
  });

  it('serves the page with its headers and validators', async () => {
    const { url } = await startServer();
    const page = await fetch(url);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    const etag = page.headers.get('etag') ?? '';
    expect((await fetch(url, { headers: { 'if-none-match': etag } })).status).toBe(304);
    expect((await fetch(`${url}/docs`)).headers.get('content-type')).toContain('text/html');
    const [, script = ''] = /src="\.?\/?([\w./-]+\.js)"/.exec(await page.text()) ?? [];
    expect((await fetch(`${url}/${script}`)).headers.get('content-type')).toContain('javascript');
  });

  it('ends within seconds of SIGTERM, even while a request is unfinished', async () => {
    const { child, url } = await startServer();
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => {});
    socket.write(
      'POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: image/png\r\ncontent-length: 9\r\n\r\n',
    );
    await fetch(`${url}/healthz`);
    const start = performance.now();
    child.kill('SIGTERM');
    await once(child, 'exit');
    expect(performance.now() - start).toBeLessThan(5_000);
    socket.destroy();
  });

  it('ends at once with a sentence if it is not configured', async () => {
    const run = async (environment: Record<string, string>) => {
      const { child, output } = spawnServer(environment, nobody);
      const [code] = await once(child, 'close');
      return { code, output: output() };
    };
    const missing = await run({});
    expect(missing.code).toBe(2);
    expect(missing.output).toContain('S3_BUCKET is not set.');
    const port = String(await claimPort(0, '127.0.0.1'));
    const invalid = await run({ S3_BUCKET: 'catwalk', CANARY_PERCENT: '900', PORT: port });
    expect(invalid.code).toBe(1);
    expect(invalid.output).toContain('CANARY_PERCENT');
  });
});

async function startServer(
  variables: Record<string, string> = {},
  user: object = nobody,
): Promise<Server> {
  const port = await claimPort(0, '127.0.0.1');
  const url = `http://127.0.0.1:${port}`;
  const environment = {
    ...store.environment,
    S3_BUCKET: 'catwalk',
    PORT: String(port),
    ...variables,
  };
  const { child, output } = spawnServer(environment, user);
  while (!(await fetch(`${url}/healthz`).catch(() => null))) {
    if (child.exitCode !== null) throw new Error(`The server ended:\n${output()}`);
    await wait(50);
  }
  return { child, url, environment, output };
}

/** Runs the image's entry point with only these variables, in a folder that it can't write to. */
function spawnServer(environment: Record<string, string>, user: object) {
  const child = spawn(join(image, 'serve'), {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: '/',
    detached: true,
    env: { PATH: '/usr/bin:/bin', ...environment },
    // Only root can become another user.
    ...(isRoot ? user : {}),
  });
  running.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  }
  return { child, output: () => text };
}

async function exitOf(program: string, environment: Record<string, string>): Promise<number> {
  const child = spawn(join(image, program), {
    stdio: 'ignore',
    env: { PATH: '/usr/bin:/bin', ...environment },
  });
  const [code] = await once(child, 'exit');
  return code;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/** Sends a request unchanged, with any Host. Returns the start of the answer. */
async function rawRequest(url: string, line: string, host: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).setEncoding('latin1');
  socket.write(`${line}\r\nhost: ${host}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
  const [answer] = await once(socket, 'data');
  socket.destroy();
  return answer;
}

async function chmodTree(mode: string, path: string): Promise<void> {
  const child = spawn('chmod', ['-R', mode, path], { stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`chmod ${mode} ${path} failed.`);
}
