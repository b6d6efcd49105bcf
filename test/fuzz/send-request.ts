import { once } from 'node:events';
import {
  type Agent,
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ReadAnswer } from '../support/answer-checker.ts';
import type { RouteRequest } from './requests/route-request.ts';

export interface SentAnswer extends ReadAnswer {
  headers: IncomingMessage['headers'];
  milliseconds: number;
}

/** Sends a request unchanged: `fetch` would correct or refuse many of them. */
export function sendRequest(
  url: string,
  { method, target, headers, body, isChunked }: RouteRequest,
  agent: Agent,
  limitMilliseconds: number,
): Promise<SentAnswer> {
  const { hostname: host, port } = new URL(url);
  const length = isChunked || body === null ? {} : { 'content-length': body.byteLength };
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({
      host,
      port,
      agent,
      method,
      path: target,
      headers: {
        ...headers,
        ...length,
        ...(isChunked && body !== null ? { 'transfer-encoding': 'chunked' } : {}),
      },
      signal: AbortSignal.timeout(limitMilliseconds),
    });
    const answered = new AbortController();
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      answered.abort();
      readWhole(response)
        .then((read) =>
          resolve({
            status: response.statusCode ?? 0,
            contentType: response.headers['content-type'] ?? '',
            headers: response.headers,
            body: read,
            milliseconds: performance.now() - start,
          }),
        )
        .catch(reject)
        // If the rest of the body was not read, the connection cannot be reused.
        .finally(() => outgoing.writableEnded || outgoing.destroy());
    });
    sendBody(outgoing, body ?? new Uint8Array(), answered.signal).catch(reject);
  });
}

/** Larger bodies are sent in parts of this size. */
const partBytes = 2 ** 16;

/** Sends in parts: a body that is too large is refused before all of it is sent. */
async function sendBody(
  outgoing: ClientRequest,
  body: Uint8Array,
  answered: AbortSignal,
): Promise<void> {
  if (body.byteLength <= partBytes) return void outgoing.end(body);
  for (let start = 0; start < body.byteLength; start += partBytes) {
    if (answered.aborted || outgoing.destroyed) return;
    const isTaken = outgoing.write(body.subarray(start, start + partBytes));
    if (isTaken) await nextTurn();
    else await once(outgoing, 'drain', { signal: answered }).catch(() => {});
  }
  outgoing.end();
}

async function readWhole(response: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return Buffer.concat(chunks);
}
