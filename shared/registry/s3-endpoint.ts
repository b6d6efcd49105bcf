/** Addresses of buckets at S3-compatible servers, for the clients of trainer and Worker. */

/** Stores that refuse `endpoint/bucket/key` and want `bucket.endpoint/key`: Alibaba, Tencent and Volcano Engine. */
const hostStyleOnly = /^https?:\/\/[^/]*\.(aliyuncs\.com|myqcloud\.com|volces\.com)(:|\/|$)/;

/** Whether the default address at this endpoint is `endpoint/bucket/key` instead of `bucket.endpoint/key`. */
export const usesPathStyle = (endpoint: string): boolean => !hostStyleOnly.test(endpoint);

/**
 * Returns what is wrong with an endpoint that already contains the bucket, as the consoles of several stores offer it for
 * copying. Requests to it would reach another key, or no bucket.
 */
export function endpointFault(endpoint: string, bucket: string): string | null {
  const [, scheme = '', address = ''] = /^(https?:\/\/)(.*?)\/*$/.exec(endpoint) ?? [];
  const inPath = address.endsWith(`/${bucket}`);
  const inHost =
    address.startsWith(`${bucket}.`) && /^(s3|oss|cos)[.-]/.test(address.slice(bucket.length + 1));
  if (!inPath && !inHost) return null;
  const right = inPath ? address.slice(0, -bucket.length - 1) : address.slice(bucket.length + 1);
  return `The S3 endpoint ${endpoint} contains the bucket ${bucket}, which is named separately: write ${scheme}${right}`;
}
