import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseAccount } from '../../../infra/deploy/account.ts';
import { addressOf } from '../../../infra/deploy/deploy-worker.ts';
import { type DeployedBucket, uploadTarget } from '../../../infra/deploy/upload-target.ts';
import { locateBucket } from '../../../trainer/registry/bucket-location.ts';
import {
  type CloudflareStandIn,
  startCloudflareStandIn,
} from '../../support/cloudflare-stand-in.ts';

const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };
const r2 = { accountId: 'account', jurisdiction: undefined };
const bucket = { name: 'catwalk', r2, variables: {} };

/** @returns the bucket and endpoint that the trainer would upload to */
function locate(environment: NodeJS.ProcessEnv, deployed: DeployedBucket, endpoint?: string) {
  const target = uploadTarget(environment, deployed, endpoint);
  if (target === null) throw new Error('no keys');
  const { values } = parseArgs({
    args: target.options,
    options: {
      endpoint: { type: 'string' },
      region: { type: 'string' },
      'path-style': { type: 'string' },
    },
  });
  const { 'path-style': pathStyle, ...named } = values;
  const style = pathStyle === undefined ? {} : { pathStyle: pathStyle === 'true' };
  return locateBucket({ url: 's3://catwalk', ...named, ...style }, target.environment);
}

describe('the test set is uploaded', () => {
  it.each([
    [undefined, 'https://account.r2.cloudflarestorage.com'],
    ['eu', 'https://account.eu.r2.cloudflarestorage.com'],
    ['fedramp', 'https://account.fedramp.r2.cloudflarestorage.com'],
  ])(
    'to R2 in jurisdiction %s, whatever region the shell names',
    async (jurisdiction, endpoint) => {
      const environment = { ...keys, AWS_REGION: 'eu-west-1' };
      const located = await locate(environment, { ...bucket, r2: { ...r2, jurisdiction } });
      expect(located).toMatchObject({ endpoint, region: 'auto' });
    },
  );

  it("to the store of the Worker's variables, although it has a binding", async () => {
    const variables = {
      S3_BUCKET: 'catwalk',
      AWS_ENDPOINT_URL: 'https://s3.example.com',
      AWS_REGION: 'eu-west-1',
      S3_PATH_STYLE: 'false',
    };
    expect(await locate(keys, { ...bucket, variables })).toMatchObject({
      endpoint: 'https://s3.example.com',
      region: 'eu-west-1',
      forcePathStyle: false,
    });
  });

  it('never to an endpoint of the profile', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'catwalk-profile-'));
    const AWS_CONFIG_FILE = join(folder, 'config');
    await writeFile(AWS_CONFIG_FILE, '[default]\nendpoint_url = https://elsewhere.example.com\n');
    const environment = { ...keys, AWS_CONFIG_FILE };
    const aws = { ...bucket, variables: { S3_BUCKET: 'catwalk' } };
    expect(await locate(environment, aws)).toMatchObject({ endpoint: null });
    expect((await locate(environment, bucket)).endpoint).toMatch(/^https:\/\/account\.r2/);
    await rm(folder, { recursive: true });
  });

  it.each(['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_S3'])(
    'to another one that %s names only with --endpoint',
    async (variable) => {
      const other = 'http://localhost:9000';
      const environment = { ...keys, [variable]: other };
      const refusal = new RegExp(`${variable} is ${other} .*reads the bucket catwalk at .*Unset`);
      const aws = { ...bucket, variables: { S3_BUCKET: 'catwalk' } };
      for (const deployed of [bucket, aws]) {
        expect(() => uploadTarget(environment, deployed)).toThrow(refusal);
        expect((await locate(environment, deployed, other)).endpoint).toBe(other);
      }
      const same = { ...keys, [variable]: 'https://account.r2.cloudflarestorage.com/' };
      expect((await locate(same, bucket)).endpoint).toMatch(/^https:\/\/account\.r2/);
    },
  );
});

describe('the address of a deployed Worker', () => {
  it.each([
    [['https://catwalk.me.workers.dev', 'schedule: * * * * *'], 'https://catwalk.me.workers.dev'],
    [
      ['https://catwalk.me.workers.dev', 'catwalk.example.com (custom domain)'],
      'https://catwalk.example.com',
    ],
    [
      ['catwalk.example.com (custom domain - zone name: example.com)'],
      'https://catwalk.example.com',
    ],
    [['example.com/catwalk/*', 'schedule: * * * * *'], undefined],
  ])('%j: %s', (targets, address) => {
    expect(addressOf(targets)).toBe(address);
  });
});

describe('a token that can not list accounts', () => {
  let cloudflare: CloudflareStandIn;
  beforeAll(async () => {
    cloudflare = await startCloudflareStandIn({ listsAccounts: false });
  });
  afterAll(() => cloudflare.stop());

  it('deploys to the account that is named, and only then', async () => {
    const environment = {
      ...process.env,
      CI: 'true',
      HOME: '/nonexistent',
      CLOUDFLARE_API_BASE_URL: cloudflare.url,
      CLOUDFLARE_API_TOKEN: 'stand-in',
      CLOUDFLARE_ACCOUNT_ID: '',
    };
    const named = { ...environment, CLOUDFLARE_ACCOUNT_ID: 'mine' };
    expect(await chooseAccount(named, undefined)).toMatchObject({ id: 'mine' });
    expect(await chooseAccount(environment, 'configured')).toMatchObject({ id: 'configured' });
    await expect(chooseAccount(environment, undefined)).rejects.toThrow(
      /CLOUDFLARE_ACCOUNT_ID|Not logged in/,
    );
  }, 60_000);
});
