import { AwsClient } from 'aws4fetch';
import {
  checkRange,
  defaultMaxBytes,
  type MaxBytes,
  maxListed,
  namesUnder,
  type ObjectStore,
  ObjectTooLargeError,
  quoteEtag,
  type StoredObject,
  StoreError,
  unquoteEtag,
} from '../../shared/registry/object-store.ts';
import { AnswerError, explain, notS3, request, valuesOf } from './s3-answer.ts';
import { type S3Location, urlOfBucket } from './s3-location.ts';

/** Retries after a server error or throttling. The library's ten would take minutes. */
const retries = 2;
/** How often a write that conflicts with another one (HTTP 409) is sent: for about a second. */
const conflictAttempts = 5;
const firstWaitMs = 100;

/** An object store over S3's REST API (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations.html). */
export function s3ObjectStore(location: S3Location): ObjectStore {
  const { region, accessKeyId, secretAccessKey, sessionToken } = location;
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
  const client = new AwsClient({ ...credentials, region, retries, service: 's3' });
  const base = urlOfBucket(location);
  const urlOf = (key: string) => `${base}/${key.split('/').map(encodeURIComponent).join('/')}`;

  async function attempt<Result>(operation: string, key: string, run: () => Promise<Result>) {
    try {
      return await run();
    } catch (cause) {
      const reason =
        cause instanceof AnswerError ? await explain(cause, operation, location) : undefined;
      throw new StoreError('S3', operation, key, cause, reason);
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
        const headers = { 'if-none-match': quoteEtag(etag) };
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
          const xml = await response?.text();
          const [isTruncated] = valuesOf(xml ?? '', '<IsTruncated>');
          if (xml === undefined || isTruncated === undefined) throw notS3('not a listing');
          const found = ['<Key>', '<CommonPrefixes>\\s*<Prefix>'].flatMap((tag) =>
            valuesOf(xml, tag),
          );
          keys.push(...found.map(unescapeKey));
          const before = token;
          [token] = isTruncated === 'true' ? valuesOf(xml, '<NextContinuationToken>') : [];
          if (isTruncated === 'true' && (!token || token === before)) {
            throw notS3('truncated, without a new token for its next page');
          }
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
        for (let number = 1; ; number++) {
          const expected = number < conflictAttempts ? [200, 409, 412] : [200, 412];
          const response = await request(client, urlOf(key), expected, init);
          await response?.body?.cancel();
          if (!response || (response.ok && !response.headers.has('etag'))) throw noEtag();
          if (response.status !== 409) return response.status === 200;
          await wait(Math.random() * firstWaitMs * 2 ** number);
        }
      }),
  };
}

const noEtag = () => notS3('one without an ETag');

const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function read(response: Response, maxBytes: MaxBytes): Promise<StoredObject> {
  const etag = unquoteEtag(response.headers.get('etag') ?? '');
  try {
    // A web server that does not speak S3 also answers 200.
    if (etag === '') throw noEtag();
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

/** Decodes a key that `encoding-type=url` encoded as in a form. */
const unescapeKey = (key: string) => decodeURIComponent(key.replaceAll('+', ' '));
