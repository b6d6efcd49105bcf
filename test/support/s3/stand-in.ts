/** An S3 server in memory, over real HTTP, that can behave like the stores that users have reported (reported-stores.ts). */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { S3Server } from './s3-servers.ts';

export interface StandInObject {
  bytes: Buffer;
  etag: string;
  modifiedAt: Date;
}

export interface StandInRequest {
  method: string;
  /** '' for requests to the bucket, such as listings. */
  key: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

export interface StandInAnswer {
  status: number;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

type Answering = (request: StandInRequest) => StandInAnswer | Promise<StandInAnswer>;

/** Wraps what a correct store answers. */
export type Behaviour = (request: StandInRequest, answer: Answering) => ReturnType<Answering>;

export interface StandIn extends S3Server {
  objects: Map<string, StandInObject>;
  /** All requests, oldest first. */
  requests: StandInRequest[];
}

interface StandInOptions {
  /** Time of the store (default: this machine's). */
  now?: () => Date;
  /** Makes the server (default: HTTP). */
  serve?: (listener: RequestListener) => Server;
}

const bucket = 'catwalk';
const maxKeys = 1000;

/** Starts a server with an empty bucket `catwalk`. It checks no signature. */
export async function startStandIn(
  name: string,
  behaviour: Behaviour = (request, answer) => answer(request),
  { now = () => new Date(), serve = (listener) => createServer(listener) }: StandInOptions = {},
): Promise<StandIn> {
  const objects = new Map<string, StandInObject>();
  const requests: StandInRequest[] = [];
  const store = answering(objects, now);
  const server = serve(async (incoming, response) => {
    const body = await bytesOf(incoming);
    const request = readRequest(incoming, body);
    if (request === null) return void response.writeHead(404).end(xmlError('NoSuchBucket', 'None'));
    requests.push(request);
    const { status, headers, body: content = '' } = await behaviour(request, store);
    const type = typeof content === 'string' ? { 'content-type': 'application/xml' } : {};
    const length = { 'content-length': Buffer.byteLength(content) };
    const date = { date: now().toUTCString() };
    response.writeHead(status, { ...type, ...date, ...(status === 304 ? {} : length), ...headers });
    response.end(content);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const endpoint = `${'ca' in server || 'key' in server ? 'https' : 'http'}://127.0.0.1:${port}`;
  return {
    name,
    endpoint,
    environment: {
      AWS_ACCESS_KEY_ID: 'catwalk-test',
      AWS_SECRET_ACCESS_KEY: 'catwalk-test-secret',
      AWS_SESSION_TOKEN: '',
      AWS_PROFILE: '',
      AWS_ENDPOINT_URL: endpoint,
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_REGION: 'auto',
    },
    objects,
    requests,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** @returns an answer with S3's error document */
export const s3Error = (
  status: number,
  code: string,
  message: string,
  { elements = '', headers = {} }: { elements?: string; headers?: Record<string, string> } = {},
): StandInAnswer => ({ status, headers, body: xmlError(code, message, elements) });

const xmlError = (code: string, message: string, elements = '') =>
  `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}</Message>${elements}</Error>`;

/** Accepts `/catwalk/key`, and `/key` at a host that starts with `catwalk.`; a proxy is asked for a whole URL. */
function readRequest({ method = '', url = '', headers }: IncomingMessage, body: Buffer) {
  const { hostname, pathname, searchParams: query } = new URL(url, `http://${headers.host}`);
  const path = decodeURIComponent(pathname).slice(1);
  const isHostStyle = hostname.startsWith(`${bucket}.`);
  const [first, ...rest] = path.split('/');
  if (!isHostStyle && first !== bucket) return null;
  return { method, key: isHostStyle ? path : rest.join('/'), query, headers, body };
}

function answering(objects: Map<string, StandInObject>, now: () => Date): Answering {
  return (request) => {
    const { method, key, headers, body } = request;
    const found = objects.get(key);
    if (method === 'GET' && key === '') return list(objects, request);
    if (method === 'POST' && request.query.has('delete')) return deleteAll(objects, body);
    if (method === 'GET') return found ? read(found, headers) : s3Error(404, 'NoSuchKey', 'None');
    if (method === 'DELETE') {
      objects.delete(key);
      return { status: 204 };
    }
    const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers;
    if (ifMatch && !found) return s3Error(404, 'NoSuchKey', 'The specified key does not exist.');
    if ((ifMatch && ifMatch !== found?.etag) || (ifNoneMatch === '*' && found)) {
      return s3Error(412, 'PreconditionFailed', 'At least one of the conditions did not hold');
    }
    const etag = `"${createHash('md5').update(body).digest('hex')}"`;
    objects.set(key, { bytes: body, etag, modifiedAt: now() });
    return { status: 200, headers: { etag } };
  };
}

function read({ bytes, etag }: StandInObject, headers: IncomingMessage['headers']): StandInAnswer {
  // Weak comparison (RFC 9110, section 13.1.2).
  if (headers['if-none-match']?.replace('W/', '') === etag) {
    return { status: 304, headers: { etag } };
  }
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '') ?? [];
  if (first === undefined) return { status: 200, headers: { etag }, body: bytes };
  if (Number(first) >= bytes.byteLength) return s3Error(416, 'InvalidRange', 'Not satisfiable');
  const end = Math.min(Number(last) + 1, bytes.byteLength);
  const range = `bytes ${first}-${end - 1}/${bytes.byteLength}`;
  const part = bytes.subarray(Number(first), end);
  return { status: 206, headers: { etag, 'content-range': range }, body: part };
}

function list(objects: Map<string, StandInObject>, { query }: StandInRequest): StandInAnswer {
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter');
  const after = query.get('continuation-token') ?? '';
  const count = Math.min(maxKeys, Number(query.get('max-keys') ?? maxKeys));
  const encode = (key: string) =>
    query.get('encoding-type') === 'url' ? encodeURIComponent(key) : escapeXml(key);
  const folderOf = (key: string) => {
    const end = delimiter ? key.indexOf(delimiter, prefix.length) : -1;
    return end === -1 ? null : key.slice(0, end + 1);
  };
  const keys = Array.from(objects.keys()).filter((key) => key.startsWith(prefix));
  const names = Array.from(new Set(keys.map((key) => folderOf(key) ?? key))).toSorted();
  const rest = names.filter((name) => name > after);
  const page = rest.slice(0, count);
  const isTruncated = rest.length > count;
  const entries = page.map((name) => {
    const object = objects.get(name);
    if (folderOf(name) !== null || !object) {
      return `<CommonPrefixes><Prefix>${encode(name)}</Prefix></CommonPrefixes>`;
    }
    const modified = object.modifiedAt.toISOString();
    return `<Contents><Key>${encode(name)}</Key><LastModified>${modified}</LastModified><ETag>${object.etag}</ETag><Size>${object.bytes.byteLength}</Size></Contents>`;
  });
  const token = isTruncated
    ? `<NextContinuationToken>${escapeXml(page.at(-1) ?? '')}</NextContinuationToken>`
    : '';
  const body = `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><Name>${bucket}</Name><IsTruncated>${isTruncated}</IsTruncated>${token}${entries.join('')}</ListBucketResult>`;
  return { status: 200, body };
}

function deleteAll(objects: Map<string, StandInObject>, body: Buffer): StandInAnswer {
  for (const [, key = ''] of body.toString().matchAll(/<Key>([^<]*)<\/Key>/g)) {
    objects.delete(key.replaceAll('&amp;', '&'));
  }
  return { status: 200, body: '<DeleteResult></DeleteResult>' };
}

const escapeXml = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks);
}
