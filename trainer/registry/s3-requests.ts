/** Requests of `@aws-sdk/client-s3`, with what S3-compatible servers need in addition. */
import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandInput,
  type ListObjectsV2CommandInput,
  PutObjectCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3';
import type { PutOptions, StoredObject } from '../../shared/registry/object-store.ts';
import type { BucketLocation } from './bucket-location.ts';
import { missingEtag, type S3Failure } from './explain-s3-error.ts';

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
    ...(region !== null && { region }),
    forcePathStyle,
    maxAttempts,
    retryMode: 'standard',
    followRegionRedirects: true,
    // Newer checksums use aws-chunked bodies, which several S3-compatible servers (also the local one) don't decode.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: 5_000,
      requestTimeout: requestTimeoutMs,
      throwOnRequestTimeout: true,
    },
  });
  const sending = options.signal ? { abortSignal: options.signal } : {};
  return { client, Bucket: bucket, maxAttempts, pageSize: listPageSize, sending };
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
    if (!answer.ETag) throw missingEtag();
    try {
      const bytes = (await answer.Body?.transformToByteArray()) ?? new Uint8Array();
      return { bytes: bytes as Uint8Array<ArrayBuffer>, etag: answer.ETag.replaceAll('"', '') };
    } catch (error) {
      // The client does not retry if the answer's body breaks off.
      if (attempt >= maxAttempts) throw error;
      await wait(Math.random() * firstWaitMs * 2 ** attempt);
    }
  }
}

/** @returns false if the condition does not hold */
export async function putObject(
  { client, Bucket, sending }: Connection,
  key: string,
  bytes: Uint8Array,
  { contentType, cacheControl }: PutOptions,
  condition: { IfNoneMatch: '*' } | { IfMatch: string } | null,
): Promise<boolean> {
  const request = new PutObjectCommand({
    Bucket,
    Key: key,
    Body: bytes,
    // The server refuses a body that was corrupted on the way, and the client sends it again.
    ContentMD5: createHash('md5').update(bytes).digest('base64'),
    ContentType: contentType,
    CacheControl: cacheControl,
    ...condition,
  });
  try {
    const { ETag } = await client.send(request, sending);
    if (!ETag) throw missingEtag();
    return true;
  } catch (error) {
    const { name, $metadata } = error as S3Failure;
    const status = $metadata?.httpStatusCode;
    // S3 answers NoSuchKey if the object of If-Match has been deleted.
    const isRefused = status === 412 || status === 409 || name === 'NoSuchKey';
    if (condition && isRefused) return false;
    throw error;
  }
}

export const listPages = (
  { client, Bucket, pageSize, sending }: Connection,
  input: Pick<ListObjectsV2CommandInput, 'Prefix' | 'Delimiter'>,
) => paginateListObjectsV2({ client, pageSize }, { Bucket, ...input }, sending);

export async function deleteObject({ client, Bucket, sending }: Connection, key: string) {
  await client.send(new DeleteObjectCommand({ Bucket, Key: key }), sending);
}
