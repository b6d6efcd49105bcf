/** A bucket of an S3-compatible store. */
export interface S3Location {
  bucket: string;
  /** Such as `https://s3.eu-central-1.amazonaws.com`. */
  endpoint: string;
  region: string;
  /** Addresses `endpoint/bucket/key` instead of `bucket.endpoint/key` (default: true). */
  pathStyle?: boolean;
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string | undefined;
}

/** The bucket's URL, without a slash at the end. */
export function urlOfBucket({ endpoint, bucket, pathStyle = true }: S3Location): string {
  const address = endpoint.replace(/\/+$/, '');
  return pathStyle ? `${address}/${bucket}` : address.replace('://', `://${bucket}.`);
}
