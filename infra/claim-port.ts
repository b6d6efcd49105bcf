import { once } from 'node:events';
import { createServer } from 'node:net';

/** Another program listens on the port. */
export class PortTakenError extends Error {
  override name = 'PortTakenError';
  readonly port: number;

  constructor(port: number, options: ErrorOptions) {
    super(
      `Port ${port} is taken by another program. End it, or choose another port with --port (0 takes any free one).`,
      options,
    );
    this.port = port;
  }
}

/**
 * @param port 0 stands for any free one
 * @returns a port of `host` that was free just now
 * @throws {PortTakenError} where another program listens on it
 */
export async function claimPort(port: number, host: string): Promise<number> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new PortTakenError(port, { cause: error });
  }
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : port;
}
