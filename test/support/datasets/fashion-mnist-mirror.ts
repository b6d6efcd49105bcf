import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { Dataset, ImageSet } from '../../../trainer/data/dataset.ts';

/** Fashion-MNIST's files as on a mirror, compressed here: name with `.gz` → bytes. */
export function compressedFiles({ train, test, height, width }: Dataset): Map<string, Buffer> {
  const images = (set: ImageSet) => gzipIdx([set.count, height, width], set.images);
  const labels = (set: ImageSet) => gzipIdx([set.count], set.labels);
  return new Map([
    ['train-images-idx3-ubyte.gz', images(train)],
    ['train-labels-idx1-ubyte.gz', labels(train)],
    ['t10k-images-idx3-ubyte.gz', images(test)],
    ['t10k-labels-idx1-ubyte.gz', labels(test)],
  ]);
}

function gzipIdx(dimensions: number[], values: Uint8Array): Buffer {
  const header = new DataView(new ArrayBuffer(4 + 4 * dimensions.length));
  header.setUint32(0, 0x0800 + dimensions.length);
  for (const [i, size] of dimensions.entries()) header.setUint32(4 + 4 * i, size);
  return gzipSync(Buffer.concat([new Uint8Array(header.buffer), values]), { level: 1 });
}

export interface Mirror {
  /** Ends with '/'. */
  url: string;
  /** The requested paths, in order, without the leading '/'. */
  requests: string[];
  close(): Promise<void>;
}

/** A web server on this machine. */
export async function startMirror(listener: RequestListener): Promise<Mirror> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push((request.url ?? '').slice(1));
    listener(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, requests, close: () => close(server) };
}

/** A mirror that has the files. */
export function startFileMirror(files: ReadonlyMap<string, Uint8Array>): Promise<Mirror> {
  return startMirror((request, response) => {
    const bytes = files.get((request.url ?? '').slice(1));
    response.writeHead(bytes ? 200 : 404).end(bytes ?? 'no such file');
  });
}

async function close(server: Server) {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}
