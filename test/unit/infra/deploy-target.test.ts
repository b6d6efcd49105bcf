import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseAccount } from '../../../infra/deploy/account.ts';
import { uploadEnvironment } from '../../../infra/deploy/upload-environment.ts';
import {
  type CloudflareStandIn,
  startCloudflareStandIn,
} from '../../support/cloudflare-stand-in.ts';

const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };
const r2 = { accountId: 'account', jurisdiction: undefined };
const bucket = { name: 'catwalk', r2, variables: {} };

describe('the test set is uploaded', () => {
  it.each([
    [undefined, 'https://account.r2.cloudflarestorage.com'],
    ['eu', 'https://account.eu.r2.cloudflarestorage.com'],
    ['fedramp', 'https://account.fedramp.r2.cloudflarestorage.com'],
  ])('to R2 in jurisdiction %s', (jurisdiction, endpoint) => {
    const target = uploadEnvironment(keys, { ...bucket, r2: { ...r2, jurisdiction } });
    expect(target.environment.AWS_ENDPOINT_URL).toBe(endpoint);
    expect(target.warning).toBeNull();
  });

  it("to the store of the Worker's variables", () => {
    const variables = { AWS_ENDPOINT_URL: 'https://s3.example.com', AWS_REGION: 'eu-west-1' };
    const target = uploadEnvironment(keys, { name: 'catwalk', r2: null, variables });
    expect(target.environment).toMatchObject(variables);
    expect(target.warning).toBeNull();
  });

  it.each(['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_S3'])(
    'to another one that %s names only with a warning',
    (variable) => {
      const environment = { ...keys, [variable]: 'http://localhost:9000' };
      expect(uploadEnvironment(environment, bucket).warning).toMatch(
        new RegExp(
          `${variable} is http://localhost:9000 .*reads the bucket catwalk at https://account`,
        ),
      );
      const same = { ...keys, [variable]: 'https://account.r2.cloudflarestorage.com/' };
      expect(uploadEnvironment(same, bucket).warning).toBeNull();
    },
  );
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
