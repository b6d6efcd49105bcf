import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openBucket } from '../../../trainer/registry/bucket.ts';
import { locateBucket } from '../../../trainer/registry/bucket-location.ts';

const url = 's3://catwalk/models';
const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };

const folder = await mkdtemp(join(tmpdir(), 'catwalk-aws-'));
afterAll(() => rm(folder, { recursive: true, force: true }));
const files = {
  AWS_CONFIG_FILE: join(folder, 'config'),
  AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials'),
};
await writeFile(
  files.AWS_CONFIG_FILE,
  `[default]
region = eu-central-1
[profile r2]
endpoint_url = https://r2.example.com
[profile services]
endpoint_url = https://other.example.com
region = eu-west-2
services = mine
[services mine]
s3 =
  endpoint_url = https://s3.example.com
`,
);
await writeFile(files.AWS_SHARED_CREDENTIALS_FILE, '[only-keys]\naws_access_key_id = a\n');

const locate = (environment: NodeJS.ProcessEnv, options: { profile?: string } = {}) =>
  locateBucket({ url, ...options }, { ...files, ...environment });

describe('the place of a bucket is resolved like the AWS CLI does:', () => {
  test('the profile default provides the region of AWS', async () => {
    expect(await locate({})).toMatchObject({ endpoint: null, region: 'eu-central-1' });
  });

  test("not that of another store's endpoint", async () => {
    const located = await locate({ AWS_ENDPOINT_URL: 'https://s3.example.com' });
    expect(located).toMatchObject({ region: 'auto', forcePathStyle: true });
  });

  test("the profile's endpoint_url", async () => {
    expect(await locate({ AWS_PROFILE: 'r2' })).toMatchObject({
      endpoint: 'https://r2.example.com',
      region: 'auto',
      forcePathStyle: true,
      profile: 'r2',
    });
  });

  test('the endpoint_url for S3 in its services section, and its region', async () => {
    expect(await locate({}, { profile: 'services' })).toMatchObject({
      endpoint: 'https://s3.example.com',
      region: 'eu-west-2',
    });
  });

  test('variables precede the profile', async () => {
    const environment = {
      AWS_ENDPOINT_URL: 'https://variable.example.com',
      AWS_REGION: 'us-west-2',
    };
    expect(await locate({ ...environment, AWS_PROFILE: 'services' })).toMatchObject({
      endpoint: 'https://variable.example.com',
      region: 'us-west-2',
    });
  });

  test('keys precede AWS_PROFILE, but not --profile', async () => {
    expect((await locate({ ...keys, AWS_PROFILE: 'r2' })).profile).toBeUndefined();
    expect((await locate(keys, { profile: 'r2' })).profile).toBe('r2');
    expect((await locate({ AWS_PROFILE: 'only-keys' })).profile).toBe('only-keys');
  });

  test('AWS_IGNORE_CONFIGURED_ENDPOINT_URLS', async () => {
    const environment = { AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true', AWS_PROFILE: 'r2' };
    const AWS_ENDPOINT_URL = 'https://variable.example.com';
    expect((await locate({ ...environment, AWS_ENDPOINT_URL })).endpoint).toBeNull();
  });

  test('a profile that does not exist is named with those that do', async () => {
    await expect(locate({ AWS_PROFILE: 'typo' })).rejects.toThrow(
      /no profile typo .*They have: default, r2, services, only-keys\./,
    );
  });

  test.each([
    ['https://oss-cn-hangzhou.aliyuncs.com', false],
    ['https://cos.ap-guangzhou.myqcloud.com', false],
    ['https://s3.eu-central-1.amazonaws.com', true],
    ['http://localhost:9000', true],
  ])('%s: path style %s', async (AWS_ENDPOINT_URL, forcePathStyle) => {
    expect(await locate({ AWS_ENDPOINT_URL })).toMatchObject({ forcePathStyle });
  });
});

describe('a bucket is not opened', () => {
  const open = (environment: NodeJS.ProcessEnv) => () => openBucket({ url, environment });

  test.each([
    [
      'https://account.r2.cloudflarestorage.com/catwalk',
      'https://account.r2.cloudflarestorage.com',
    ],
    ['https://s3.example.com/s3/catwalk/', 'https://s3.example.com/s3'],
    ['https://catwalk.s3.eu-west-1.amazonaws.com', 'https://s3.eu-west-1.amazonaws.com'],
    ['https://catwalk.oss-cn-hangzhou.aliyuncs.com/', 'https://oss-cn-hangzhou.aliyuncs.com'],
  ])('at %s, which contains it', (AWS_ENDPOINT_URL, right) => {
    expect(open({ AWS_ENDPOINT_URL })).toThrow(RangeError);
    expect(open({ AWS_ENDPOINT_URL })).toThrow(new RegExp(`write ${right}$`));
  });

  test.each(['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'])(
    'with a line break in %s',
    (name) => {
      const environment = { ...keys, [name]: 'secret-with-a-break\n' };
      expect(open(environment)).toThrow(new RegExp(`${name} has a space or a line break`));
      expect(open(environment)).not.toThrow(/secret-with/);
    },
  );
});
