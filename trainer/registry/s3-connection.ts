/** The client of `@aws-sdk/client-s3`, set up for any S3-compatible server. */
import { readFileSync } from 'node:fs';
import { getCACertificates } from 'node:tls';
import { S3Client } from '@aws-sdk/client-s3';
import type { BucketLocation } from './bucket-location.ts';

export interface Connection {
  client: S3Client;
  Bucket: string;
  maxAttempts: number;
  pageSize: number;
  /** How many milliseconds the server's clock is ahead of this machine's. */
  aheadMs: number;
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
  const connection = {
    client,
    Bucket: bucket,
    maxAttempts,
    pageSize: listPageSize,
    aheadMs: 0,
    sending,
  };
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { headers } = result.response as { headers?: Record<string, string> };
      const ahead = Date.parse(headers?.date ?? '') - Date.now();
      // The header has whole seconds, and the answer was on its way.
      if (!Number.isNaN(ahead)) connection.aheadMs = Math.abs(ahead) < maxDelayMs ? 0 : ahead;
      return result;
    },
    { step: 'deserialize', priority: 'low' },
  );
  return connection;
}

/** A larger difference than this is not explained by the time that an answer takes. */
const maxDelayMs = 5_000;

/** Trusts the authorities in the file of AWS_CA_BUNDLE, too, as other programs that use AWS do. */
function trustedCertificates({ AWS_CA_BUNDLE: path }: NodeJS.ProcessEnv) {
  if (!path) return {};
  try {
    return { ca: [...getCACertificates('default'), readFileSync(path, 'utf8')] };
  } catch (cause) {
    throw new Error(`The file of AWS_CA_BUNDLE, ${path}, can't be read: ${cause}`, { cause });
  }
}
