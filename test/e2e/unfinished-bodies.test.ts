import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundleProduction } from '../bench/edge/bundle.ts';
import { type OpenWorker, openWorker } from '../bench/edge/open-worker.ts';

const folder = mkdtempSync(join(tmpdir(), 'catwalk-bodies-'));
const bodyBytes = 10 * 2 ** 20;
let worker: OpenWorker;
beforeAll(async () => {
  const bundle = await bundleProduction(join(folder, 'bundle'));
  worker = await openWorker({ bundle, folder });
}, 120_000);
afterAll(async () => {
  await worker?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Announces a body of 10 MiB, sends half of it, and keeps the connection open. */
async function sendHalf(): Promise<Socket> {
  const { hostname, port } = new URL(worker.url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.write(
    `POST /predict HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: image/png\r\ncontent-length: ${bodyBytes}\r\n\r\n`,
  );
  await new Promise((resolve) => socket.write(new Uint8Array(bodyBytes / 2), resolve));
  return socket;
}

async function codeOfWhole(): Promise<string> {
  const response = await fetch(`${worker.url}/predict`, {
    method: 'POST',
    body: new Uint8Array(bodyBytes),
  });
  const { code } = (await response.json()) as { code: string };
  return code;
}

it('hold at most 32 MiB, and nothing after their clients have disconnected', async () => {
  expect(await codeOfWhole()).toBe('no_model');
  const sockets = await Promise.all(Array.from({ length: 3 }, sendHalf));
  // Three times 10 MiB are reserved once the Worker has seen all requests.
  await expect.poll(codeOfWhole, { timeout: 10_000 }).toBe('busy');
  const codes = await Promise.all(Array.from({ length: 12 }, codeOfWhole));
  expect(codes).toEqual(Array(12).fill('busy'));
  expect((await fetch(`${worker.url}/healthz`)).status).toBe(200);
  for (const socket of sockets) socket.destroy();
  await expect.poll(codeOfWhole, { timeout: 10_000 }).toBe('no_model');
});
