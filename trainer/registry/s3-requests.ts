/** Requests of `@aws-sdk/client-s3`, with what S3-compatible servers need in addition. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { getCACertificates } from 'node:tls';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandInput,
  type ListObjectsV2CommandInput,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3';
import {
  type PutOptions,
  type StoredObject,
  unquoteEtag,
} from '../../shared/registry/object-store.ts';
import type { BucketLocation } from './bucket-location.ts';
import { NotS3Error, type S3Failure } from './explain-s3-error.ts';

export interface Connection {
  client: S3Client;
  Bucket: string;
  maxAttempts: number;
  pageSize: number;
  /** Options of every request. */
  sending: { abortSignal?: AbortSignal };
}

export interface ConnectionOptions {
  /** Contains the standard AWS variables (default: the process's environment). */
  environment?: NodeJS.ProcessEnv;
  /** Keys per page of a listing (default: 1000, which is S3's maximum). */
  listPageSize?: number;
  /** A request without an answer is sent again after this time (default: a minute). */
  requestTimeoutMs?: number;
  /** Aborts running requests. */
  signal?: AbortSignal | undefined;
}

/** @throws {Error} if the file of AWS_CA_BUNDLE can't be read */
export function connect(
  { bucket, endpoint, region, forcePathStyle, profile, maxAttempts }: BucketLocation,
  options: ConnectionOptions,
): Connection {
  const { environment = process.env, listPageSize = 1000, requestTimeoutMs = 60_000 } = options;
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = environment;
  const credentials = AWS_ACCESS_KEY_ID &&
    AWS_SECRET_ACCESS_KEY &&
    !profile && {
      accessKeyId: AWS_ACCESS_KEY_ID,
      secretAccessKey: AWS_SECRET_ACCESS_KEY,
      ...(AWS_SESSION_TOKEN && { sessionToken: AWS_SESSION_TOKEN }),
    };
  const client = new S3Client({
    ...(credentials && { credentials }),
    ...(profile && { profile }),
    ...(endpoint !== null && { endpoint }),
    region,
    forcePathStyle,
    maxAttempts,
    retryMode: 'standard',
    followRegionRedirects: true,
    // Several servers and proxies never answer `Expect: 100-continue`, and each request would wait for it.
    expectContinueHeader: false,
    // Newer checksums use aws-chunked bodies, which several S3-compatible servers (also the local one) don't decode.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: 5_000,
      requestTimeout: requestTimeoutMs,
      throwOnRequestTimeout: true,
      // HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
      httpAgent: { proxyEnv: environment },
      httpsAgent: { proxyEnv: environment, ...trustedCertificates(environment) },
    },
  });
  const sending = options.signal ? { abortSignal: options.signal } : {};
  return { client, Bucket: bucket, maxAttempts, pageSize: listPageSize, sending };
}

/** Trusts the authorities in the file of AWS_CA_BUNDLE, too, as other programs that use AWS do. */
function trustedCertificates({ AWS_CA_BUNDLE: path }: NodeJS.ProcessEnv) {
  if (!path) return {};
  try {
    return { ca: [...getCACertificates('default'), readFileSync(path, 'utf8')] };
  } catch (cause) {
    throw new Error(`The file of AWS_CA_BUNDLE, ${path}, can't be read: ${cause}`, { cause });
  }
}

/** The client's own first wait before it sends a request again. It doubles each time. */
const firstWaitMs = 100;

/** @returns null if the object is absent */
export async function getObject(
  { client, Bucket, maxAttempts, sending }: Connection,
  key: string,
  conditions: Pick<GetObjectCommandInput, 'IfNoneMatch' | 'Range'> = {},
): Promise<StoredObject | null> {
  for (let attempt = 1; ; attempt++) {
    const answer = await client
      .send(new GetObjectCommand({ Bucket, Key: key, ...conditions }), sending)
      .catch((error: Error) => {
        if (error.name === 'NoSuchKey') return null;
        throw error;
      });
    if (answer === null) return null;
    // A web server that does not speak S3 also answers 200.
    if (!answer.ETag) {
      // A body that nobody reads would hold the connection.
      await answer.Body?.transformToByteArray().catch(() => {});
      throw new NotS3Error('the answer has no ETag');
    }
    try {
      const bytes = (await answer.Body?.transformToByteArray()) ?? new Uint8Array();
      return { bytes: bytes as Uint8Array<ArrayBuffer>, etag: unquoteEtag(answer.ETag) };
    } catch (error) {
      // The client does not retry if the answer's body breaks off.
      if (attempt >= maxAttempts) throw error;
      await wait(Math.random() * firstWaitMs * 2 ** attempt);
    }
  }
}

/** How often a write that conflicts with another one (HTTP 409) is sent: for some five seconds. */
const conflictAttempts = 9;
const maxWaitMs = 2_000;

/** @returns false if the condition does not hold */
export async function putObject(
  { client, Bucket, sending }: Connection,
  key: string,
  bytes: Uint8Array,
  { contentType, cacheControl }: PutOptions,
  condition: { IfNoneMatch: '*' } | { IfMatch: string } | null,
): Promise<boolean> {
  const request = {
    Bucket,
    Key: key,
    Body: bytes,
    // The server refuses a body that was corrupted on the way, and the client sends it again.
    ContentMD5: createHash('md5').update(bytes).digest('base64'),
    ContentType: contentType,
    CacheControl: cacheControl,
    ...condition,
  };
  for (let attempt = 1; ; attempt++) {
    try {
      const { ETag } = await client.send(new PutObjectCommand(request), sending);
      if (!ETag) throw new NotS3Error('the answer has no ETag');
      return true;
    } catch (error) {
      const { name, $metadata = {} } = error as S3Failure;
      const status = $metadata.httpStatusCode;
      if (condition && status === 412) return false;
      // The object of If-Match has been deleted.
      if (condition && 'IfMatch' in condition && name === 'NoSuchKey') return false;
      // Another write is under way, so the server could not compare. The condition is still undecided.
      if (status !== 409) throw error;
      if (attempt >= conflictAttempts) {
        throw Object.assign(error as S3Failure, { $metadata: { ...$metadata, attempts: attempt } });
      }
      await wait(Math.random() * Math.min(maxWaitMs, firstWaitMs * 2 ** attempt));
    }
  }
}

/** @throws {NotS3Error} if the listing is none, or breaks off */
export async function* listPages(
  { client, Bucket, pageSize, sending }: Connection,
  input: Pick<ListObjectsV2CommandInput, 'Prefix' | 'Delimiter'>,
) {
  let before: string | undefined;
  for await (const page of paginateListObjectsV2(
    { client, pageSize },
    { Bucket, ...input },
    sending,
  )) {
    const { IsTruncated, NextContinuationToken: token } = page;
    // A web server's page is parsed as a listing of nothing.
    if (IsTruncated === undefined) throw new NotS3Error('the answer is not a listing');
    if (IsTruncated && (!token || token === before)) {
      throw new NotS3Error('the listing is truncated, without a new token for its next page');
    }
    before = token;
    yield page;
  }
}

export async function deleteObject({ client, Bucket, sending }: Connection, key: string) {
  await client.send(new DeleteObjectCommand({ Bucket, Key: key }), sending);
}
