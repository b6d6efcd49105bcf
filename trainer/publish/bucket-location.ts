/** Where a bucket is and how it is addressed. */
export interface BucketLocation {
  bucket: string;
  /** '' or ends with '/'. */
  prefix: string;
  /** null stands for AWS itself. */
  endpoint: string | null;
  region: string;
  /** `endpoint/bucket/key` instead of `bucket.endpoint/key`. */
  forcePathStyle: boolean;
}

export interface BucketLocationOptions {
  /** `s3://bucket` or `s3://bucket/prefix`. */
  url: string;
  /** AWS_ENDPOINT_URL_S3, then AWS_ENDPOINT_URL unless told. */
  endpoint?: string | undefined;
  /** AWS_REGION, then AWS_DEFAULT_REGION, then 'auto' at an endpoint and 'us-east-1' at AWS unless told. */
  region?: string | undefined;
  /** True at an endpoint unless told: most S3-compatible servers have no name for each bucket. */
  forcePathStyle?: boolean | undefined;
}

/**
 * Reads a bucket's URL and the standard AWS variables
 * (https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html).
 *
 * @throws {RangeError} where the bucket's or the endpoint's URL is none
 */
export function bucketLocation(
  options: BucketLocationOptions,
  environment: NodeJS.ProcessEnv,
): BucketLocation {
  const match = /^s3:\/\/(?<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(?<path>.*))?$/.exec(
    options.url,
  );
  if (!match?.groups?.bucket) {
    throw new RangeError(
      `A bucket's URL looks like s3://bucket or s3://bucket/prefix, not ${options.url}`,
    );
  }
  const path = (match.groups.path ?? '').replace(/^\/+|\/+$/g, '');
  const endpoint =
    options.endpoint ?? environment.AWS_ENDPOINT_URL_S3 ?? environment.AWS_ENDPOINT_URL ?? null;
  if (endpoint !== null && !/^https?:$/.test(URL.parse(endpoint)?.protocol ?? '')) {
    throw new RangeError(`The S3 endpoint ${endpoint} is no http:// or https:// URL.`);
  }
  return {
    bucket: match.groups.bucket,
    prefix: path === '' ? '' : `${path}/`,
    endpoint,
    region:
      options.region ??
      environment.AWS_REGION ??
      environment.AWS_DEFAULT_REGION ??
      (endpoint === null ? 'us-east-1' : 'auto'),
    forcePathStyle: options.forcePathStyle ?? endpoint !== null,
  };
}
