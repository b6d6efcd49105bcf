import { AwsClient } from 'aws4fetch';
import { type ObjectStore, type StoredObject, StoreError } from './object-store.ts';

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

  /** @returns the answer where it is one of `expected`, `null` where there is no such object */
  async function request(
    operation: string,
    key: string,
    headers: Record<string, string>,
    expected: number[],
  ): Promise<Response | null> {
    try {
      const url = `${base}/${key.split('/').map(encodeURIComponent).join('/')}`;
      const signal = AbortSignal.timeout(timeLimitMs);
      const response = await client.fetch(url, { headers, signal });
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
  };
}

/** The error's code alone: the rest of the answer can hold the access key and what was signed. */
const errorCode = (xml: string) => /<Code>(\w{1,64})<\/Code>/.exec(xml)?.[1];
