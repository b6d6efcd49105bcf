import {
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { type BucketLayout, bucketLayout } from '../../shared/bucket-layout.ts';
import { BucketError } from './bucket-errors.ts';
import {
  type BucketLocation,
  type BucketLocationOptions,
  bucketLocation,
} from './bucket-location.ts';
import { explainS3Error } from './explain-s3-error.ts';

export interface StoredObject {
  bytes: Uint8Array;
  /** Changes with every write; quoted, as `ifMatch` takes it. Not a hash of the bytes. */
  etag: string;
}

export interface PutOptions {
  contentType: string;
  cacheControl?: string;
  /** '*': only where nothing is stored yet. */
  ifNoneMatch?: '*';
  /** Only where the object still has this ETag. */
  ifMatch?: string;
}

/** An S3-compatible bucket. Every method throws a `BucketError` where the bucket can't be used. */
export interface Bucket {
  /** Where it is, for people. */
  readonly url: string;
  /** The keys, with the URL's prefix. */
  readonly layout: BucketLayout;
  /** @returns null where the object is absent */
  get(key: string): Promise<StoredObject | null>;
  /** @throws {ConditionFailedError} where `ifNoneMatch` or `ifMatch` does not hold; nothing is written then */
  put(key: string, bytes: Uint8Array, options: PutOptions): Promise<{ etag: string }>;
  /** @returns all keys that start so, in order */
  list(prefix: string): Promise<string[]>;
}

export interface OpenBucketOptions extends BucketLocationOptions {
  /** Holds the standard AWS variables; the process's environment unless told. */
  environment?: NodeJS.ProcessEnv;
  /** Keys a request of `list` asks for; S3's limit, 1000, unless told. */
  listPageSize?: number;
}

/** A server that takes no connection or sends no answer for so long is unreachable. */
const connectionTimeoutMs = 5_000;
const requestTimeoutMs = 60_000;

/**
 * Opens a bucket; nothing is asked of it yet. Credentials are AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
 * AWS_SESSION_TOKEN, or else whatever the AWS SDK finds (profile, web identity, instance role).
 *
 * @throws {RangeError} where the URL is not `s3://bucket` or `s3://bucket/prefix`
 */
export function openBucket(options: OpenBucketOptions): Bucket {
  const { environment = process.env, listPageSize = 1000 } = options;
  const location = bucketLocation(options, environment);
  const client = connect(location, environment);
  const { bucket: Bucket, prefix } = location;
  const explaining = async <T>(action: string, request: () => Promise<T>): Promise<T> => {
    try {
      return await request();
    } catch (error) {
      throw error instanceof BucketError ? error : explainS3Error(error, action, location);
    }
  };
  return {
    url: options.url,
    layout: bucketLayout(prefix),
    get: (key) =>
      explaining(`read ${key}`, async () => {
        try {
          const { Body, ETag } = await client.send(new GetObjectCommand({ Bucket, Key: key }));
          const etag = checkEtag(ETag, location);
          return { bytes: (await Body?.transformToByteArray()) ?? new Uint8Array(), etag };
        } catch (error) {
          if ((error as Error).name === 'NoSuchKey') return null;
          throw error;
        }
      }),
    put: (key, bytes, { contentType, cacheControl, ifNoneMatch, ifMatch }) =>
      explaining(`write ${key}`, async () => {
        const { ETag } = await client.send(
          new PutObjectCommand({
            Bucket,
            Key: key,
            Body: bytes,
            ContentType: contentType,
            CacheControl: cacheControl,
            IfNoneMatch: ifNoneMatch,
            IfMatch: ifMatch,
          }),
        );
        return { etag: checkEtag(ETag, location) };
      }),
    list: (start) =>
      explaining(`list ${start}`, async () => {
        const keys: string[] = [];
        let page: string | undefined;
        do {
          const answer = await client.send(
            new ListObjectsV2Command({
              Bucket,
              Prefix: start,
              ContinuationToken: page,
              MaxKeys: listPageSize,
            }),
          );
          for (const { Key } of answer.Contents ?? []) if (Key !== undefined) keys.push(Key);
          page = answer.IsTruncated ? answer.NextContinuationToken : undefined;
        } while (page !== undefined);
        return keys;
      }),
  };
}

/** A web server that is no S3 answers 200 to anything, too. */
function checkEtag(etag: string | undefined, { endpoint }: BucketLocation): string {
  if (etag) return etag;
  throw new BucketError(
    `${endpoint ?? 'AWS S3'} answers without an ETag, so it does not speak S3. Check AWS_ENDPOINT_URL.`,
  );
}

function connect({ endpoint, region, forcePathStyle }: BucketLocation, env: NodeJS.ProcessEnv) {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = env;
  const credentials =
    AWS_ACCESS_KEY_ID && AWS_SECRET_ACCESS_KEY
      ? {
          credentials: {
            accessKeyId: AWS_ACCESS_KEY_ID,
            secretAccessKey: AWS_SECRET_ACCESS_KEY,
            ...(AWS_SESSION_TOKEN ? { sessionToken: AWS_SESSION_TOKEN } : {}),
          },
        }
      : {};
  return new S3Client({
    ...credentials,
    ...(endpoint === null ? {} : { endpoint }),
    region,
    forcePathStyle,
    followRegionRedirects: true,
    // Newer checksums travel in aws-chunked bodies, which several S3-compatible servers, the local one among them, don't decode.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: connectionTimeoutMs,
      requestTimeout: requestTimeoutMs,
      throwOnRequestTimeout: true,
    },
  });
}
