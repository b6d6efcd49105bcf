import { StoreError } from '../../shared/registry/object-store.ts';
import { explainAnswer, notS3, type S3Answer } from '../../shared/registry/s3-answer.ts';
import type { BucketLocation } from './bucket-location.ts';

/** An error of `@aws-sdk/client-s3`. `Code` is S3's, `code` that of a failed connection. */
export interface S3Failure {
  name?: string;
  message?: string;
  code?: string;
  Code?: string;
  Region?: string;
  cause?: unknown;
  $metadata?: { httpStatusCode?: number; attempts?: number };
  $response?: { headers?: Record<string, string> };
}

/** An answer with status 200 that is not S3's. */
export class NotS3Error extends Error {
  override name = 'NotS3Error';
}

const settings = { region: '--region', endpoint: 'AWS_ENDPOINT_URL', pathStyle: '--path-style' };

/** @returns the server's answer, or null if none arrived */
export function answerOf(failure: S3Failure): S3Answer | null {
  const { $metadata, $response, Code: code, Region, message = '' } = failure;
  if ($metadata?.httpStatusCode === undefined) return null;
  return {
    status: $metadata.httpStatusCode,
    code,
    // Without a code the message is only the client's, about the body that it could not parse.
    message: code === undefined ? '' : message,
    region: Region ?? $response?.headers?.['x-amz-bucket-region'],
    attempts: $metadata.attempts,
  };
}

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
  const store = `S3 bucket ${bucket} at ${endpoint ?? `AWS, region ${region}`}`;
  const answer = failure.name === 'NotS3Error' ? null : answerOf(failure);
  const reason = answer
    ? explainAnswer(answer, settings, operation === 'put')
    : explainFailure(failure);
  return new StoreError(store, operation, key, withoutRequest(failure), reason);
}

const tlsCodes = /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|EPROTO)/;

function explainFailure({ name = 'Error', code, message = '', $metadata }: S3Failure): string {
  const attempts = $metadata?.attempts ?? 1;
  const what = [code ?? name, message.replace(/\.$/, '')].filter((part) => part !== '').join(': ');
  const said = `${what}${attempts > 1 ? ` after ${attempts} attempts` : ''}`;
  if (name === 'NotS3Error') return `${notS3}: ${message}. Check AWS_ENDPOINT_URL.`;
  if (code === 'ENOENT') {
    return `a file with credentials is missing (${said}). Check AWS_WEB_IDENTITY_TOKEN_FILE.`;
  }
  if (/sso/i.test(message) && /(Credentials|Token)ProviderError/.test(name)) {
    return `no credentials (${said}). Log in again: aws sso login`;
  }
  if (/(Credentials|Token)ProviderError/.test(name)) {
    return `no credentials (${said}). Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a --profile that has them.`;
  }
  if (code === 'ERR_INVALID_CHAR') {
    return `a credential contains a character that no header may have (${said}). Set it again without spaces and line breaks.`;
  }
  if (tlsCodes.test(code ?? '')) {
    return `the server's certificate is not trusted (${said}). Put its authority's certificate into a file, and its path into NODE_EXTRA_CA_CERTS or AWS_CA_BUNDLE.`;
  }
  return `no answer (${said}). Check the network, AWS_ENDPOINT_URL and HTTPS_PROXY. A local bucket exists only while its Worker runs.`;
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
