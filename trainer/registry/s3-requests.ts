/** Requests of `@aws-sdk/client-s3`, with what S3-compatible servers need in addition. */
import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  type GetObjectCommandInput,
  type ListObjectsV2CommandInput,
  PutObjectCommand,
  paginateListObjectsV2,
} from '@aws-sdk/client-s3';
import {
  type PutOptions,
  quoteEtag,
  type StoredObject,
  unquoteEtag,
} from '../../shared/registry/object-store.ts';
import { refusesConditions } from '../../shared/registry/s3-answer.ts';
import { answerOf, NotS3Error, type S3Failure } from './explain-s3-error.ts';
import { mapInBatches } from './map-in-batches.ts';
import type { Connection } from './s3-connection.ts';

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

/**
 * How often a write is sent that comes too soon before or after another one of the same object: for some five seconds.
 * S3 and R2 answer 409 meanwhile, and R2, which accepts one write a second, 429, after which the client has waited, too.
 */
const conflictAttempts = 9;
const maxWaitMs = 2_000;

type Condition = { IfNoneMatch: '*' } | { IfMatch: string };

/** @returns false if the condition does not hold */
export async function putObject(
  { client, Bucket, sending }: Connection,
  key: string,
  bytes: Uint8Array,
  { contentType, cacheControl }: PutOptions,
  condition: Condition | null,
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
  let sent = 0;
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
      if (status !== 409 && status !== 429) throw error;
      sent += $metadata.attempts ?? 1;
      if (attempt >= conflictAttempts) {
        throw Object.assign(error as S3Failure, { $metadata: { ...$metadata, attempts: sent } });
      }
      await wait(Math.random() * Math.min(maxWaitMs, firstWaitMs * 2 ** attempt));
    }
  }
}

/**
 * Writes to a store that may ignore or refuse conditions: compares before. Another publisher may write in between.
 *
 * @returns false if the condition does not hold
 */
export async function putUnsafely(
  connection: Connection,
  key: string,
  bytes: Uint8Array,
  options: PutOptions,
  condition: Condition,
): Promise<boolean> {
  const stored = await getObject(connection, key);
  const holds =
    'IfMatch' in condition
      ? stored !== null && quoteEtag(stored.etag) === condition.IfMatch
      : stored === null;
  if (!holds) return false;
  try {
    return await putObject(connection, key, bytes, options, condition);
  } catch (error) {
    const answer = answerOf(error as S3Failure);
    if (answer === null || !refusesConditions(answer)) throw error;
    return putObject(connection, key, bytes, options, null);
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

/** The maximum number of keys that `DeleteObjects` accepts. */
const maxDeleted = 1000;
/** Requests at a time, to a store that can't delete several objects with one. */
const deletionsAtOnce = 16;

/** @throws {Error} if an object could not be deleted */
export async function deleteObjects(connection: Connection, keys: readonly string[]) {
  const { client, Bucket, sending } = connection;
  for (let at = 0; at < keys.length; at += maxDeleted) {
    const batch = keys.slice(at, at + maxDeleted);
    const Delete = { Objects: batch.map((Key) => ({ Key })), Quiet: true };
    try {
      const { Errors = [] } = await client.send(
        new DeleteObjectsCommand({ Bucket, Delete }),
        sending,
      );
      const [failed] = Errors;
      if (failed) {
        const { Key, Code, Message } = failed;
        const said = `${Key}: ${Message ?? 'no reason given'}`;
        throw Object.assign(new Error(said), { Code, $metadata: { httpStatusCode: 403 } });
      }
    } catch (error) {
      // Google's and some others do not know the request, or its checksum.
      const status = (error as S3Failure).$metadata?.httpStatusCode;
      if (status !== 400 && status !== 405 && status !== 501) throw error;
      await mapInBatches(batch, deletionsAtOnce, (key) => deleteObject(connection, key));
    }
  }
}
