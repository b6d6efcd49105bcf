import { describe, expect, it } from 'vitest';
import { parseConfiguration } from '../../../edge/configuration.ts';
import { urlOfBucket } from '../../../edge/store/s3-location.ts';

const variables = {
  S3_BUCKET: 'catwalk',
  AWS_ACCESS_KEY_ID: 'id',
  AWS_SECRET_ACCESS_KEY: 'secret',
};

const urlWith = (settings: Record<string, string>) => {
  const { s3 } = parseConfiguration({ ...variables, ...settings });
  return s3 && urlOfBucket(s3);
};

describe("the bucket's URL", () => {
  it.each([
    [{ AWS_REGION: 'eu-west-1' }, 'https://s3.eu-west-1.amazonaws.com/catwalk'],
    [{ AWS_ENDPOINT_URL: 'http://minio:9000/' }, 'http://minio:9000/catwalk'],
    [
      { AWS_ENDPOINT_URL: 'https://oss-cn-hangzhou.aliyuncs.com' },
      'https://catwalk.oss-cn-hangzhou.aliyuncs.com',
    ],
    [
      { AWS_ENDPOINT_URL: 'https://s3.example.com', S3_PATH_STYLE: 'false' },
      'https://catwalk.s3.example.com',
    ],
  ])('%j', (settings, url) => {
    expect(urlWith(settings)).toBe(url);
  });

  it("does not start from an endpoint that contains the bucket, as R2's page shows it", () => {
    const AWS_ENDPOINT_URL = 'https://account.r2.cloudflarestorage.com/catwalk';
    expect(() => urlWith({ AWS_ENDPOINT_URL })).toThrow(
      /contains the bucket catwalk.*write https:\/\/account\.r2\.cloudflarestorage\.com\n.*AWS_ENDPOINT_URL/,
    );
  });
});
