import { StoreError } from '../../shared/registry/object-store.ts';
import type { BucketLocation } from './bucket-location.ts';

/** An error of `@aws-sdk/client-s3`. `name` is S3's error code, `code` that of a failed connection. */
export interface S3Failure {
  name?: string;
  code?: string;
  message?: string;
  $metadata?: { httpStatusCode?: number; attempts?: number };
}

/** The error of an endpoint that answers 200, but without the ETag that S3 always sends. */
export const missingEtag = () =>
  Object.assign(new Error('the answer has no ETag'), { name: 'MissingETag' });

/**
 * Turns an error of the S3 client into one that also says what to do. Its message contains the server's own message, but
 * never a credential.
 *
 * @param operation such as 'get'
 */
export function explainS3Error(
  error: unknown,
  operation: string,
  key: string,
  { bucket, endpoint, region }: BucketLocation,
): StoreError {
  const failure = error as S3Failure;
  const place = endpoint ?? `AWS${region ? `, region ${region}` : ''}`;
  const store = `S3 bucket ${bucket} at ${place}`;
  return new StoreError(store, operation, key, withoutRequest(failure), reasonOf(failure));
}

function reasonOf({ name = 'Error', code, message = '', $metadata = {} }: S3Failure): string {
  const { httpStatusCode: status, attempts = 1 } = $metadata;
  const said = [status ? `HTTP ${status} ${name}` : (code ?? name), message.replace(/\.$/, '')]
    .filter((part) => part !== '')
    .join(': ');
  const answer = `${said}${attempts > 1 ? ` after ${attempts} attempts` : ''}`;
  if (name === 'MissingETag') {
    return `${message}, so the endpoint does not speak S3. Check AWS_ENDPOINT_URL.`;
  }
  if (name === 'NoSuchBucket') {
    return `there is no such bucket (${answer}). Create it, or correct the s3:// URL.`;
  }
  if (status === 401 || status === 403) {
    return `permission denied (${answer}). Check that AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are right, and may read, list and write there.`;
  }
  if (name === 'CredentialsProviderError') {
    return `no credentials (${answer}). Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.`;
  }
  if (status === undefined) {
    return `no answer (${answer}). Check the network and AWS_ENDPOINT_URL. A local bucket exists only while its Worker runs.`;
  }
  return `${answer}. Check that the endpoint speaks S3, or try again later.`;
}

/** The client's error includes the whole request with its session token and signature, which must not reach a log. */
function withoutRequest({ name, code, message, $metadata }: S3Failure): Error {
  const status = $metadata?.httpStatusCode;
  return Object.assign(new Error(message), {
    name,
    ...(code && { code }),
    ...(status && { status }),
  });
}
