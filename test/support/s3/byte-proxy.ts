import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface ByteProxy {
  endpoint: string;
  /** Lets a number of bytes pass from client to server, then calls back. Counts from 0 again. */
  limit(bytes: number, reached: () => void): void;
  /** Bytes from client to server since the last `limit`. */
  passed(): number;
  stop(): Promise<void>;
}

/** A TCP proxy in front of an S3 endpoint that passes an exact number of bytes. */
export async function startByteProxy(endpoint: string): Promise<ByteProxy> {
  const target = new URL(endpoint);
  const sockets = new Set<Socket>();
  let left = Number.POSITIVE_INFINITY;
  let passed = 0;
  let reached = () => {};

  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', end);
      socket.on('close', () => {
        sockets.delete(socket);
        end();
      });
    }
    client.on('data', (chunk) => {
      const part = chunk.subarray(0, left);
      left -= part.byteLength;
      passed += part.byteLength;
      if (left > 0) return void upstream.write(part);
      reached();
      // Bytes that have passed arrive even if no more follow.
      upstream.write(part, () => client.destroy());
    });
    upstream.pipe(client);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    endpoint: `http://127.0.0.1:${port}${target.pathname.replace(/\/$/, '')}`,
    limit(bytes, callback) {
      left = bytes;
      passed = 0;
      reached = callback;
    },
    passed: () => passed,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
