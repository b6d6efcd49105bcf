import { AwsClient } from 'aws4fetch';
import * as z from 'zod/mini';
import { StoreError } from '../errors.ts';
import { mostListed, type ObjectStore, type StoredObject } from './object-store.ts';

/** A bucket of an S3-compatible store, addressed by path, which all of them understand. */
export interface S3Location {
  bucket: string;
  /** Such as `https://s3.eu-central-1.amazonaws.com`. */
  endpoint: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string | undefined;
}

/** After a server error or throttling; the library's ten would take minutes. */
const retries = 2;
/** A read that takes longer has hung: the largest is a model's weights. */
const timeLimitMs = 20_000;

/** @param location where the bucket is, and what opens it (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html) */
export function s3ObjectStore(location: S3Location): ObjectStore {
  const { bucket, endpoint, region, accessKeyId, secretAccessKey, sessionToken } = location;
  const client = new AwsClient({
    ...{ accessKeyId, secretAccessKey, region, retries, service: 's3' },
    ...(sessionToken ? { sessionToken } : {}),
  });
  const base = `${endpoint.replace(/\/+$/, '')}/${bucket}`;

  const urlOf = (key: string) => `${base}/${key.split('/').map(encodeURIComponent).join('/')}`;

  /** @returns the answer where it is one of `expected`, `null` where there is no such object */
  async function request(
    operation: string,
    key: string,
    headers: Record<string, string>,
    expected: number[],
    url = urlOf(key),
    body?: Uint8Array<ArrayBuffer>,
  ): Promise<Response | null> {
    try {
      const signal = AbortSignal.timeout(timeLimitMs);
      const response = await client.fetch(
        url,
        body ? { method: 'PUT', headers, signal, body } : { headers, signal },
      );
      if (expected.includes(response.status)) return response;
      const code = errorCode(await response.text());
      // A bucket that is missing is a mistake; S3 answers 404 to that as well.
      if (response.status === 404 && code !== 'NoSuchBucket') return null;
      throw new Error(`${response.status} ${code ?? response.statusText}`.trim());
    } catch (cause) {
      throw new StoreError('S3', operation, key, cause);
    }
  }

  async function read(operation: string, key: string, response: Response): Promise<StoredObject> {
    try {
      const bytes = new Uint8Array(await response.arrayBuffer());
      // Without its quotes, as R2 has it.
      const etag = (response.headers.get('etag') ?? '').replaceAll('"', '');
      return { bytes, etag };
    } catch (cause) {
      throw new StoreError('S3', operation, key, cause);
    }
  }

  return {
    async get(key) {
      const response = await request('get', key, {}, [200]);
      return response && read('get', key, response);
    },

    async getIfChanged(key, etag) {
      const response = await request('get', key, { 'if-none-match': `"${etag}"` }, [200, 304]);
      return response?.status === 304 ? 'unchanged' : response && read('get', key, response);
    },

    async getRange(key, offset, length) {
      const range = `bytes=${offset}-${offset + length - 1}`;
      const response = await request('get a range of', key, { range }, [206]);
      return response && read('get a range of', key, response);
    },

    // https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
    async list(prefix) {
      const names: string[] = [];
      let token: string | undefined;
      do {
        const query = new URLSearchParams({
          ...{ 'list-type': '2', delimiter: '/', 'encoding-type': 'url', prefix },
          ...(token === undefined ? {} : { 'continuation-token': token }),
        });
        const response = await request('list', prefix, {}, [200], `${base}?${query}`);
        // 404 without a code: there is no such bucket.
        if (response === null) throw new StoreError('S3', 'list', prefix, '404');
        const { bytes } = await read('list', prefix, response);
        const xml = new TextDecoder().decode(bytes);
        const found = [...valuesOf(xml, '<Key>'), ...valuesOf(xml, '<CommonPrefixes>\\s*<Prefix>')];
        names.push(...found.map(unescapeKey));
        [token] = valuesOf(xml, '<NextContinuationToken>');
      } while (token !== undefined && names.length < mostListed);
      const start = prefix.lastIndexOf('/') + 1;
      return names.sort().map((key) => key.slice(start));
    },

    async putIfAbsent(key, bytes, contentType) {
      const headers = { 'if-none-match': '*', 'content-type': contentType };
      const response = await request('put', key, headers, [200, 412], urlOf(key), bytes);
      if (response === null) throw new StoreError('S3', 'put', key, new Error('404'));
      await response.body?.cancel();
      return response.status === 200;
    },
  };
}

/** The error's code alone: the rest of the answer can hold the access key and what was signed. */
const errorCode = (xml: string) => /<Code>(\w{1,64})<\/Code>/.exec(xml)?.[1];

/** The text behind each of these tags. Neither keys, which come escaped, nor tokens, which are base64, have XML's entities in them. */
const valuesOf = (xml: string, tag: string) =>
  Array.from(xml.matchAll(new RegExp(`${tag}([^<]*)<`, 'g')), ([, text = '']) => text);

/** With `encoding-type=url` a key is escaped as in a form. */
const unescapeKey = (key: string) => decodeURIComponent(key.replaceAll('+', ' '));

// wrangler.toml can't unset a variable, only empty it.
const setting = () =>
  z.pipe(
    z.optional(z.string()),
    z.transform((value) => (value === '' ? undefined : value)),
  );

/**
 * An S3 bucket in the place of the R2 binding, once S3_BUCKET is set: the standard AWS variables, the keys as secrets
 * (https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html). `s3` is `null` where it is not set.
 */
export const s3SettingsSchema = z.pipe(
  z.object({
    S3_BUCKET: z.pipe(
      setting(),
      z.optional(
        z.string().check(z.regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'is no bucket name')),
      ),
    ),
    AWS_ENDPOINT_URL: z.pipe(setting(), z.optional(z.url({ protocol: /^https?$/ }))),
    AWS_REGION: setting(),
    AWS_ACCESS_KEY_ID: setting(),
    AWS_SECRET_ACCESS_KEY: setting(),
    AWS_SESSION_TOKEN: setting(),
  }),
  z.transform((variables, context): { s3: S3Location | null } => {
    const { S3_BUCKET: bucket, AWS_ENDPOINT_URL: endpoint } = variables;
    if (bucket === undefined) return { s3: null };
    const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = variables;
    if (!accessKeyId || !secretAccessKey) {
      const path = [accessKeyId ? 'AWS_SECRET_ACCESS_KEY' : 'AWS_ACCESS_KEY_ID'];
      context.issues.push({
        code: 'custom',
        path,
        input: undefined,
        message: 'must be set where S3_BUCKET is',
      });
      return z.NEVER;
    }
    const region = variables.AWS_REGION ?? (endpoint ? 'auto' : 'us-east-1');
    return {
      s3: {
        bucket,
        endpoint: endpoint ?? `https://s3.${region}.amazonaws.com`,
        region,
        accessKeyId,
        secretAccessKey,
        sessionToken: variables.AWS_SESSION_TOKEN,
      },
    };
  }),
);
