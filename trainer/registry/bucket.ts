import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { type BucketLayout, bucketLayout } from '../../shared/registry/bucket-layout.ts';
import { BucketError, explainS3Error } from './bucket-errors.ts';
import { type BucketLocation, bucketLocation } from './bucket-location.ts';

export interface StoredObject {
  bytes: Uint8Array;
  /** Changes with every write; quoted, as `ifMatch` takes it. Not a hash of the bytes. */
  etag: string;
}

export interface ListedObject {
  key: string;
  /** When it was written, by the server's clock. */
  modifiedAt: Date;
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
  /** @returns all objects whose keys start so, in the keys' order */
  list(prefix: string): Promise<ListedObject[]>;
  /** Removes an object; there may be none. */
  delete(key: string): Promise<void>;
}

export interface OpenBucketOptions {
  /** `s3://bucket` or `s3://bucket/prefix`. */
  url: string;
  /** AWS_ENDPOINT_URL_S3, then AWS_ENDPOINT_URL, then AWS itself unless told. */
  endpoint?: string | undefined;
  /** AWS_REGION, then AWS_DEFAULT_REGION, then 'auto' at an endpoint and 'us-east-1' at AWS unless told. */
  region?: string | undefined;
  /** `endpoint/bucket/key`: true at an endpoint unless told, as most S3-compatible servers have no name for each bucket. */
  pathStyle?: boolean | undefined;
  /** AWS_PROFILE unless told. */
  profile?: string | undefined;
  /** Holds the standard AWS variables; the process's environment unless told. */
  environment?: NodeJS.ProcessEnv;
  /** Keys a request of `list` asks for; S3's limit, 1000, unless told. */
  listPageSize?: number;
  /** A server that sends no answer for so long is asked again; a minute unless told. */
  requestTimeoutMs?: number;
  /** Gives up the requests that are under way. */
  signal?: AbortSignal | undefined;
}

/** A server that takes no connection for so long is asked again. */
const connectionTimeoutMs = 5_000;
/** The client's own first wait before it sends a request again; it doubles each time. */
const firstWaitMs = 100;

/**
 * Opens a bucket; nothing is asked of it yet. Credentials are AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
 * AWS_SESSION_TOKEN, or else whatever the AWS SDK finds (profile, web identity, instance role).
 *
 * A request that gets a 5xx, a throttling answer, a reset or no answer is sent again, up to AWS_MAX_ATTEMPTS times (5 unless
 * set), with waits that double and are partly random
 * (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html). So a conditional write that succeeded may
 * still be answered by `ConditionFailedError`, where its first answer was lost: look at what is stored.
 *
 * @throws {RangeError} where the URL is not `s3://bucket` or `s3://bucket/prefix`, or a setting is wrong
 */
export function openBucket(options: OpenBucketOptions): Bucket {
  const { environment = process.env, listPageSize = 1000, requestTimeoutMs = 60_000 } = options;
  const location = bucketLocation(options, environment);
  const client = connect(location, environment, requestTimeoutMs);
  const { bucket: Bucket, prefix } = location;
  const sending = options.signal ? { abortSignal: options.signal } : {};
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
        for (let attempt = 1; ; attempt++) {
          const answer = await client
            .send(new GetObjectCommand({ Bucket, Key: key }), sending)
            .catch((error: Error) => {
              if (error.name === 'NoSuchKey') return null;
              throw error;
            });
          if (answer === null) return null;
          const etag = checkEtag(answer.ETag, location);
          try {
            return { bytes: (await answer.Body?.transformToByteArray()) ?? new Uint8Array(), etag };
          } catch (error) {
            // The client sends a request again, but does not watch over the answer's body.
            if (attempt >= location.maxAttempts) throw error;
            await wait(Math.random() * firstWaitMs * 2 ** attempt);
          }
        }
      }),
    put: (key, bytes, { contentType, cacheControl, ifNoneMatch, ifMatch }) =>
      explaining(`write ${key}`, async () => {
        const { ETag } = await client.send(
          new PutObjectCommand({
            Bucket,
            Key: key,
            Body: bytes,
            // What arrives otherwise than it was sent is refused, and sent again.
            ContentMD5: createHash('md5').update(bytes).digest('base64'),
            ContentType: contentType,
            CacheControl: cacheControl,
            IfNoneMatch: ifNoneMatch,
            IfMatch: ifMatch,
          }),
          sending,
        );
        return { etag: checkEtag(ETag, location) };
      }),
    list: (start) =>
      explaining(`list ${start}`, async () => {
        const objects: ListedObject[] = [];
        let page: string | undefined;
        do {
          const answer = await client.send(
            new ListObjectsV2Command({
              Bucket,
              Prefix: start,
              ContinuationToken: page,
              MaxKeys: listPageSize,
            }),
            sending,
          );
          for (const { Key: key, LastModified: modifiedAt } of answer.Contents ?? []) {
            if (key !== undefined && modifiedAt) objects.push({ key, modifiedAt });
          }
          page = answer.IsTruncated ? answer.NextContinuationToken : undefined;
        } while (page !== undefined);
        return objects;
      }),
    delete: (key) =>
      explaining(`delete ${key}`, async () => {
        await client.send(new DeleteObjectCommand({ Bucket, Key: key }), sending);
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

function connect(
  { endpoint, region, forcePathStyle, profile, maxAttempts }: BucketLocation,
  environment: NodeJS.ProcessEnv,
  requestTimeout: number,
) {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = environment;
  const credentials =
    AWS_ACCESS_KEY_ID && AWS_SECRET_ACCESS_KEY && !profile
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
    ...(profile ? { profile } : {}),
    ...(endpoint === null ? {} : { endpoint }),
    ...(region === null ? {} : { region }),
    forcePathStyle,
    maxAttempts,
    retryMode: 'standard',
    followRegionRedirects: true,
    // Newer checksums travel in aws-chunked bodies, which several S3-compatible servers, the local one among them, don't decode.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: connectionTimeoutMs,
      requestTimeout,
      throwOnRequestTimeout: true,
    },
  });
}
