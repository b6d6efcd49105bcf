import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

/** The fault of a request between client and server. */
export type Fault =
  /** Reset before the server sees any of it. */
  | { kind: 'cut request' }
  /** Reset after half of its body. */
  | { kind: 'cut in the middle' }
  /** Performed by the server, whose answer is lost. */
  | { kind: 'cut answer' }
  /** Performed by the server; half of the answer's body is lost. */
  | { kind: 'cut in the answer' }
  /** Performed by the server at once, but answered late. */
  | { kind: 'late answer'; ms: number }
  /** Delayed, and performed by the server late. */
  | { kind: 'late request'; ms: number }
  /** Accepted and never answered, even after the next plan. */
  | { kind: 'silence' }
  /** Answered with this status; `done` says whether the server performed it anyway. */
  | { kind: 'status'; status: number; code: string; done: boolean };

/** @returns the fault of the n-th request, counted from 1 since the last `plan` */
export type FaultPlan = (number: number) => Fault | null;

export interface FaultProxy {
  endpoint: string;
  /** Counts from 1 again. */
  plan(plan: FaultPlan): void;
  /** Requests since the last `plan`. */
  requests(): number;
  /** Resolves when the server has nothing left to do. */
  idle(): Promise<void>;
  stop(): Promise<void>;
}

interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

/** A real HTTP proxy in front of an S3 endpoint, on which requests fail as planned. */
export async function startFaultProxy(endpoint: string): Promise<FaultProxy> {
  const target = new URL(endpoint);
  const agent = new Agent({ keepAlive: true });
  const underWay = new Set<Promise<unknown>>();
  let plan: FaultPlan = () => null;
  let count = 0;

  function forward(incoming: IncomingMessage, body: Buffer): Promise<Answer> {
    const answer = new Promise<Answer>((resolve, reject) => {
      const outgoing = request(
        {
          agent,
          host: target.hostname,
          port: target.port,
          method: incoming.method,
          path: incoming.url,
          headers: incoming.headers,
        },
        async (response) => {
          const answered = await bytesOf(response);
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: answered,
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });
    underWay.add(answer);
    answer.catch(() => {}).finally(() => underWay.delete(answer));
    return answer;
  }

  /** Sends half of the body to the server and hangs up. */
  function forwardHalf(incoming: IncomingMessage, body: Buffer): Promise<unknown> {
    const { hostname: host, port } = target;
    const { method, url: path, headers } = incoming;
    const outgoing = request({ host, port, method, path, headers });
    outgoing.on('error', () => {});
    outgoing.write(body.subarray(0, body.byteLength >> 1), () => outgoing.destroy());
    return once(outgoing, 'close');
  }

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const fault = plan(++count);
    const body = await bytesOf(incoming);
    switch (fault?.kind) {
      case 'cut request':
        return cut(response);
      case 'cut in the middle':
        await forwardHalf(incoming, body);
        return cut(response);
      case 'cut answer':
        await forward(incoming, body);
        return cut(response);
      case 'cut in the answer': {
        const answer = await forward(incoming, body);
        response.writeHead(answer.status, answer.headers);
        response.write(answer.body.subarray(0, answer.body.byteLength >> 1), () => cut(response));
        return;
      }
      case 'late answer': {
        const answer = await forward(incoming, body);
        await wait(fault.ms);
        return send(response, answer);
      }
      case 'late request': {
        const late = wait(fault.ms).then(() => forward(incoming, body));
        underWay.add(late);
        late.catch(() => {}).finally(() => underWay.delete(late));
        return send(response, await late);
      }
      case 'silence':
        return;
      case 'status': {
        const { status, code, done } = fault;
        if (done) await forward(incoming, body);
        const text = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>As planned</Message></Error>`;
        const headers = { 'content-type': 'application/xml' };
        return send(response, { status, headers, body: Buffer.from(text) });
      }
      case undefined:
        return send(response, await forward(incoming, body));
    }
  }

  const server = createServer((incoming, response) => {
    // The client or the server may hang up at any moment: that is what is tested.
    handle(incoming, response).catch(() => cut(response));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    endpoint: `http://127.0.0.1:${port}${target.pathname.replace(/\/$/, '')}`,
    plan(next) {
      plan = next;
      count = 0;
    },
    requests: () => count,
    async idle() {
      while (underWay.size > 0) await Promise.allSettled(underWay);
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      agent.destroy();
      await once(server, 'close');
    },
  };
}

const cut = (response: ServerResponse): void => void response.socket?.resetAndDestroy();

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, headers);
  response.end(body);
}

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks);
}
