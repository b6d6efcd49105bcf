import type { BucketLocation } from './bucket-location.ts';

/**
 * Something between this process and the bucket went wrong. Messages hold the bucket, the endpoint and what to do, never a
 * credential. Not among these: an absent object (null) and a wrong bucket URL (`RangeError`).
 */
export class BucketError extends Error {
  override name = 'BucketError';
}

/** The endpoint answers, but has no such bucket. */
export class BucketMissingError extends BucketError {
  override name = 'BucketMissingError';
}

/** The credentials are absent, wrong, or do not allow the request. */
export class PermissionDeniedError extends BucketError {
  override name = 'PermissionDeniedError';
}

/** No answer came from the endpoint: name resolution, connection, TLS or a time-out. */
export class BucketUnreachableError extends BucketError {
  override name = 'BucketUnreachableError';
}

/** The object was not as `ifMatch` or `ifNoneMatch` asked, so nothing was written. */
export class ConditionFailedError extends BucketError {
  override name = 'ConditionFailedError';
}

/** What `@aws-sdk/client-s3` throws: S3's error code is the name, a connection's error code the code. */
interface S3Failure {
  name?: string;
  code?: string;
  message?: string;
  $metadata?: { httpStatusCode?: number; attempts?: number };
}

/**
 * Turns an error of the S3 client into one that says what went wrong and what to do.
 *
 * @param action what was tried, such as 'read models/a/manifest.json'
 */
export function explainS3Error(
  error: unknown,
  action: string,
  { bucket, endpoint, region }: BucketLocation,
): BucketError {
  const failure = error as S3Failure;
  const status = failure.$metadata?.httpStatusCode;
  const name = failure.name ?? 'Error';
  const attempts = failure.$metadata?.attempts ?? 1;
  const where = `bucket ${bucket} at ${endpoint ?? `AWS S3${region ? `, region ${region}` : ''}`}`;
  const failed = `Could not ${action} in ${where}${attempts > 1 ? ` (tried ${attempts} times)` : ''}`;
  const options = { cause: withoutRequest(failure) };
  if (name === 'NoSuchBucket') {
    return new BucketMissingError(
      `${failed}: there is no such bucket. Create it, or correct the s3:// URL.`,
      options,
    );
  }
  // S3 answers a write with If-Match to an object that is gone with NoSuchKey.
  if (status === 412 || status === 409 || name === 'NoSuchKey') {
    return new ConditionFailedError(`${failed}: another writer was there first.`, options);
  }
  if (status === 401 || status === 403) {
    return new PermissionDeniedError(
      `${failed}: permission denied (${name}). Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and that they may read, list and write there.`,
      options,
    );
  }
  if (name === 'CredentialsProviderError') {
    return new PermissionDeniedError(
      `${failed}: no credentials. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.`,
      options,
    );
  }
  if (status === undefined) {
    return new BucketUnreachableError(
      `${failed}: no answer (${failure.code ?? name}). Check the network and AWS_ENDPOINT_URL; a local bucket is there only while its Worker runs.`,
      options,
    );
  }
  return new BucketError(
    `${failed}: HTTP ${status} (${name}). Check that the endpoint speaks S3, or try again later.`,
    options,
  );
}

/** The client's error holds the whole request, session token and signature with it: not for logs. */
function withoutRequest({ name, code, message, $metadata }: S3Failure): Error {
  const status = $metadata?.httpStatusCode;
  return Object.assign(new Error(message), {
    name,
    ...(code && { code }),
    ...(status && { status }),
  });
}
