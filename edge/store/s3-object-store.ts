import { AwsClient } from 'aws4fetch';
import {
  checkRange,
  defaultMaxBytes,
  type MaxBytes,
  maxListed,
  namesUnder,
  type ObjectStore,
  ObjectTooLargeError,
  type StoredObject,
  StoreError,
} from '../../shared/registry/object-store.ts';

/** A bucket of an S3-compatible store, addressed by path, which all of them support. */
export interface S3Location {
  bucket: string;
  /** Such as `https://s3.eu-central-1.amazonaws.com`. */
  endpoint: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string | undefined;
}

/** Retries after a server error or throttling. The library's ten would take minutes. */
const retries = 2;
/** A read that takes longer has hung: the largest object is a model's weights. */
const timeLimitMs = 20_000;

/** An object store over S3's REST API (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations.html). */
export function s3ObjectStore(location: S3Location): ObjectStore {
  const { bucket, endpoint, region, accessKeyId, secretAccessKey, sessionToken } = location;
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
  const client = new AwsClient({ ...credentials, region, retries, service: 's3' });
  const base = `${endpoint.replace(/\/+$/, '')}/${bucket}`;
  const urlOf = (key: string) => `${base}/${key.split('/').map(encodeURIComponent).join('/')}`;

  async function attempt<Result>(operation: string, key: string, run: () => Promise<Result>) {
    try {
      return await run();
    } catch (cause) {
      throw new StoreError('S3', operation, key, cause);
    }
  }

  return {
    get: (key, { maxBytes = defaultMaxBytes } = {}) =>
      attempt('get', key, async () => {
        const response = await request(client, urlOf(key), [200]);
        return response && read(response, maxBytes);
      }),

    getIfChanged: (key, etag) =>
      attempt('get', key, async () => {
        const headers = { 'if-none-match': `"${etag}"` };
        const response = await request(client, urlOf(key), [200, 304], { headers });
        if (response?.status === 304) return 'unchanged';
        return response && read(response, defaultMaxBytes);
      }),

    getRange: (key, offset, length) =>
      attempt('get a range of', key, async () => {
        const headers = { range: `bytes=${offset}-${offset + length - 1}` };
        const response = await request(client, urlOf(key), [206], { headers });
        const object = response && (await read(response, length));
        const contentRange = response?.headers.get('content-range');
        if (object) checkRange({ offset, length }, contentRange, object);
        return object;
      }),

    list: (prefix) =>
      attempt('list', prefix, async () => {
        const keys: string[] = [];
        const query = new URLSearchParams({ 'list-type': '2', delimiter: '/', prefix });
        query.set('encoding-type', 'url');
        let token: string | undefined;
        do {
          if (token !== undefined) query.set('continuation-token', token);
          const response = await request(client, `${base}?${query}`, [200]);
          // A 404 without an error code: the bucket is missing.
          if (response === null) throw new Error('404');
          const xml = await response.text();
          const found = ['<Key>', '<CommonPrefixes>\\s*<Prefix>'].flatMap((tag) =>
            valuesOf(xml, tag),
          );
          keys.push(...found.map(unescapeKey));
          [token] = valuesOf(xml, '<NextContinuationToken>');
        } while (token !== undefined && keys.length < maxListed);
        return namesUnder(prefix, keys);
      }),

    putIfAbsent: (key, bytes, { contentType, cacheControl }) =>
      attempt('put', key, async () => {
        const headers = new Headers({ 'if-none-match': '*', 'content-type': contentType });
        if (cacheControl) headers.set('cache-control', cacheControl);
        // `fetch` refuses shared memory, which the Worker does not have.
        const body = bytes as Uint8Array<ArrayBuffer>;
        const init = { method: 'PUT', headers, body };
        const response = await request(client, urlOf(key), [200, 412], init);
        if (response === null) throw new Error('404');
        await response.body?.cancel();
        return response.status === 200;
      }),
  };
}

/** @returns the response if its status is one of `expected`, or null if there is no such object */
async function request(
  client: AwsClient,
  url: string,
  expected: number[],
  init: RequestInit = {},
): Promise<Response | null> {
  const response = await client.fetch(url, { ...init, signal: AbortSignal.timeout(timeLimitMs) });
  if (expected.includes(response.status)) return response;
  const code = errorCode(await response.text());
  // S3 also answers 404 if the bucket is missing, which is a wrong setting.
  if (response.status === 404 && code !== 'NoSuchBucket') return null;
  throw new Error(`${response.status} ${code ?? response.statusText}`.trim());
}

async function read(response: Response, maxBytes: MaxBytes): Promise<StoredObject> {
  const etag = (response.headers.get('etag') ?? '').replaceAll('"', '');
  try {
    const limit = typeof maxBytes === 'number' ? maxBytes : await maxBytes();
    const announced = announcedBytes(response);
    if (announced !== null && announced > limit) {
      throw new ObjectTooLargeError(announced, limit);
    }
    // A body of known length is read into one array.
    const bytes =
      announced === null
        ? await readCounted(response, limit)
        : new Uint8Array(await response.arrayBuffer());
    return { bytes, etag };
  } catch (error) {
    // A body that was read in part has no reader any more, and one that is complete can't be cancelled.
    await response.body?.cancel().catch(() => {});
    throw error;
  }
}

/** The length of a body, or `null` if it is unknown: `fetch` inflates a body with a Content-Encoding. */
function announcedBytes({ headers }: Response): number | null {
  const length = headers.get('content-length');
  return length === null || headers.has('content-encoding') ? null : Number(length);
}

async function readCounted(response: Response, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  // Leaving the loop cancels the stream.
  for await (const part of response.body ?? []) {
    length += part.byteLength;
    if (length > maxBytes) throw new ObjectTooLargeError(null, maxBytes);
    parts.push(part);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** Only the error's code: the rest of the body can hold the access key and what was signed. */
const errorCode = (xml: string) => /<Code>(\w{1,64})<\/Code>/.exec(xml)?.[1];

/**
 * Returns the text after each occurrence of a tag. Keys are URL-encoded and tokens are base64, so neither contains XML
 * entities.
 */
const valuesOf = (xml: string, tag: string) =>
  Array.from(xml.matchAll(new RegExp(`${tag}([^<]*)<`, 'g')), ([, text = '']) => text);

/** Decodes a key that `encoding-type=url` encoded as in a form. */
const unescapeKey = (key: string) => decodeURIComponent(key.replaceAll('+', ' '));
