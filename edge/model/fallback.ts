import { StoreError } from '../../shared/registry/object-store.ts';
import { DatasetError, ModelError } from '../errors.ts';
import type { Background } from './alias-follower.ts';
import type { VersionSource } from './read-manifest.ts';

/** How long a request waits for the bucket before the snapshot answers it. Loading a model takes a third of that. */
const patienceMilliseconds = 1000;
/** An attempt that takes longer is abandoned: the runtime may have stopped the request that started it. */
const maxAttemptMilliseconds = 20_000;

/**
 * Answers from the bucket, or from the snapshot while the bucket can't. Requests that meet an attempt to read the bucket wait for it a
 * short time: at first, and while the bucket answers but has nothing to serve. A read that takes longer is an outage for them. During an
 * outage the snapshot answers at once, and attempts in the background find out when the bucket answers again.
 *
 * @throws the bucket's error, if the snapshot can't answer either
 */
export type WithFallback = <Result>(
  fromBucket: () => Promise<Result>,
  fromSnapshot: () => Promise<Result>,
  background: Background,
) => Promise<Result>;

export interface FallbackOptions {
  /** The time between attempts to read the bucket. */
  retryMilliseconds: number;
  /** Milliseconds of a clock that never goes back. */
  now: () => number;
}

/** Makes the choice between bucket and snapshot for one kind of read. */
export type OpenFallback = () => WithFallback;

/**
 * Opens the choices of an isolate. They share whether the bucket answers soon, so that a request which makes several, such as that of a
 * canary's client, waits for a silent bucket only once.
 */
export function openFallbacks(options: FallbackOptions): OpenFallback {
  const bucket = { isPrompt: true };
  return () => openFallback(options, bucket);
}

function openFallback(
  { retryMilliseconds, now }: FallbackOptions,
  bucket: { isPrompt: boolean },
): WithFallback {
  let isUp = false;
  let attempt: { startedAt: number; done: Promise<void> } | null = null;
  let attemptedAt = Number.NEGATIVE_INFINITY;
  let failure: unknown = null;

  /** @returns whether the bucket could answer, even if the request's own fault kept it from that */
  function noteFailure(error: unknown): boolean {
    isUp = !isOutage(error);
    if (isUp) return true;
    failure = error;
    bucket.isPrompt = !(error instanceof StoreError);
    attemptedAt = now();
    return false;
  }

  function startAttempt(fromBucket: () => Promise<unknown>, background: Background): void {
    if (attempt ? now() - attempt.startedAt < maxAttemptMilliseconds : !isDue()) return;
    const started = { startedAt: now(), done: Promise.resolve() };
    started.done = fromBucket()
      .then(
        () => {
          isUp = true;
          bucket.isPrompt = true;
        },
        (error) => void noteFailure(error),
      )
      .finally(() => {
        if (attempt === started) attempt = null;
      });
    attempt = started;
    background.waitUntil(started.done);
  }

  const isDue = () => now() - attemptedAt >= retryMilliseconds;

  return async function withFallback(fromBucket, fromSnapshot, background) {
    if (isUp) {
      const reading = fromBucket();
      if (await endsWithin(reading, patienceMilliseconds)) {
        try {
          return await reading;
        } catch (error) {
          if (noteFailure(error)) throw error;
        }
      } else {
        isUp = false;
        bucket.isPrompt = false;
        attemptedAt = Number.NEGATIVE_INFINITY;
        startAttempt(() => reading, background);
      }
    } else {
      startAttempt(fromBucket, background);
      if (attempt && bucket.isPrompt && !(await endsWithin(attempt.done, patienceMilliseconds))) {
        bucket.isPrompt = false;
      }
      if (isUp) return fromBucket();
    }
    try {
      return await fromSnapshot();
    } catch (error) {
      const isMissing = isOutage(error);
      // A deployment need not have a snapshot of this model.
      if (attempt === null && isMissing) return fromBucket();
      await attempt?.done;
      if (isUp) return fromBucket();
      throw isMissing || failure instanceof StoreError ? failure : error;
    }
  };
}

/**
 * Reads from the snapshot or, if that lacks the version, from the bucket. Versions never change, so it does not matter where they are
 * from, and the deployment's own version must not wait for a bucket that does not answer.
 *
 * @throws the bucket's error, if both fail
 */
export async function fromEither<Result>(
  bucket: VersionSource,
  snapshot: VersionSource | null,
  read: (source: VersionSource) => Promise<Result>,
): Promise<Result> {
  if (snapshot?.name === bucket.name) {
    try {
      return await read(snapshot);
    } catch (error) {
      if (!isOutage(error)) throw error;
    }
  }
  return read(bucket);
}

/** Whether an error says that the bucket, or the snapshot, can't answer. Others are about the request. */
const isOutage = (error: unknown): boolean =>
  error instanceof StoreError || error instanceof ModelError || error instanceof DatasetError;

/** Whether `work` succeeds or fails in time. */
async function endsWithin(work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const { promise: expired, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), milliseconds);
  try {
    const ended = () => true;
    return await Promise.race([work.then(ended, ended), expired]);
  } finally {
    clearTimeout(timer);
  }
}
