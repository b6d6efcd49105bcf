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
