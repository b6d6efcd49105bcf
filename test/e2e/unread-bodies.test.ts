/** Bodies that the Worker refuses or does not need: their clients get the whole answer, because the Worker reads and drops the rest. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundleProduction } from '../bench/edge/bundle.ts';
import { type OpenWorker, openWorker } from '../bench/edge/open-worker.ts';

const mebibyte = 2 ** 20;
const folder = mkdtempSync(join(tmpdir(), 'catwalk-unread-'));
let worker: OpenWorker;
beforeAll(async () => {
  const bundle = await bundleProduction(join(folder, 'bundle'));
  worker = await openWorker({ bundle, folder, variables: { FEEDBACK: 'open' } });
}, 120_000);
afterAll(async () => {
  await worker?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Sends a whole chunked body before it reads the answer, as many clients do. */
async function sendChunked(method: string, path: string, mebibytes: number): Promise<string> {
  const { hostname, port } = new URL(worker.url);
  const socket = connect(Number(port), hostname).setEncoding('latin1');
  await once(socket, 'connect');
  socket.write(
    `${method} ${path} HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n`,
  );
  const chunk = Buffer.alloc(mebibyte, 'x');
  for (let i = 0; i < mebibytes; i++) {
    socket.write(`${mebibyte.toString(16)}\r\n`);
    socket.write(chunk);
    await new Promise<void>((resolve, reject) => {
      socket.write('\r\n', (error) => (error ? reject(error) : resolve()));
    });
  }
  socket.end('0\r\n\r\n');
  let answer = '';
  for await (const part of socket) answer += part;
  return answer;
}

const model = 'fashion-mnist-cnn';

it.each([
  ['POST', '/predict', 413],
  ['POST', '/feedback', 413],
  ['POST', `/v1/models/${model}:predict`, 413],
  ['POST', `/v1/models/${model}/labels/production:predict`, 413],
  ['POST', `/v1/models/${model}/versions/1:predict`, 413],
  ['POST', `/v2/models/${model}/infer`, 413],
  ['POST', `/v2/models/${model}/versions/1/infer`, 413],
  ['POST', '/model', 405],
  ['POST', '/nowhere', 404],
  ['PUT', '/predict', 405],
  ['OPTIONS', '/predict', 204],
  ['OPTIONS', `/v1/models/${model}:predict`, 204],
  ['GET', '/healthz', 200],
  ['GET', '/nowhere', 404],
])('%s %s is answered with a body of 31 MiB', async (method, path, status) => {
  for (let time = 0; time < 3; time++) {
    const answer = await sendChunked(method, path, 31);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toMatch(/x-request-id/i);
  }
});
