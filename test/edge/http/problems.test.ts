import { describe, expect, it, vi } from 'vitest';
import { parseConfiguration, variablesSchema } from '../../../edge/configuration.ts';
import { type ObjectStore, StoreError } from '../../../shared/registry/object-store.ts';
import { openBucket } from '../../support/edge/bucket.ts';
import { openApp } from '../../support/edge/open-app.ts';

const storeThatThrows = (error: Error): ObjectStore => ({
  get: () => Promise.reject(error),
  getIfChanged: () => Promise.reject(error),
  getRange: () => Promise.reject(error),
  list: () => Promise.reject(error),
  putIfAbsent: () => Promise.reject(error),
});

describe('an internal failure', () => {
  it('is a 503 with its cause if the store fails', async () => {
    const error = new StoreError('R2', 'get', 'some/key', new Error('the line is dead'));
    const app = openApp(openBucket(), { store: storeThatThrows(error) });
    const response = await app.request('/predict?index=0');
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('2');
    expect(await response.json()).toMatchObject({
      code: 'store_failed',
      detail: 'R2 failed to get some/key: the line is dead',
    });
    expect(await app.json('/readyz')).toMatchObject({ failure: { code: 'store_failed' } });
  });

  it('is a logged 500 without details if it is a bug', async () => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => {});
    const bug = new TypeError('secret detail');
    const app = openApp(openBucket(), { store: storeThatThrows(bug) });
    const answer = await app.json('/predict?index=0');
    expect(answer).toMatchObject({ status: 500, code: 'internal_error' });
    expect(JSON.stringify(answer)).not.toContain('secret');
    expect(logged).toHaveBeenCalledWith(bug);
    expect(logged).toHaveBeenCalledWith(expect.stringContaining('"outcome":"internal_error"'));
    logged.mockRestore();
  });
});

describe('parseConfiguration', () => {
  it('has a default for every variable that is absent or empty', () => {
    const empty = Object.fromEntries(Object.keys(variablesSchema.shape).map((name) => [name, '']));
    expect(parseConfiguration(empty)).toEqual(parseConfiguration({}));
    expect(parseConfiguration({})).toEqual({
      modelName: 'fashion-mnist-cnn',
      alias: 'production',
      canary: null,
      maxModelBytes: 24_000_000,
      datasetName: 'fashion-mnist',
      feedbackDays: 7,
      feedbackIsOpen: false,
      feedbackSecret: null,
      maxFeedbackPerDay: 1000,
      pollMilliseconds: 2000,
      models: [],
      snapshot: true,
      bucketPrefix: '',
      publicKeys: [],
      addressHeader: 'CF-Connecting-IP',
      corsOrigins: [],
      feedback: false,
      apiTokens: [],
      logLevel: 'error',
      s3: null,
    });
  });

  it('reads an S3 bucket from the standard variables, and treats empty ones as unset', () => {
    const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };
    const empty = { AWS_ENDPOINT_URL: '', AWS_REGION: '', AWS_SESSION_TOKEN: '' };
    expect(parseConfiguration({ S3_BUCKET: 'models', ...keys, ...empty }).s3).toEqual({
      bucket: 'models',
      endpoint: 'https://s3.us-east-1.amazonaws.com',
      region: 'us-east-1',
      pathStyle: true,
      accessKeyId: 'id',
      secretAccessKey: 'secret',
      sessionToken: undefined,
    });
    const elsewhere = { S3_BUCKET: 'models', ...keys, AWS_ENDPOINT_URL: 'http://127.0.0.1:9000' };
    expect(parseConfiguration(elsewhere).s3).toMatchObject({
      endpoint: 'http://127.0.0.1:9000',
      region: 'auto',
    });
    expect(parseConfiguration({ S3_BUCKET: '', ...keys }).s3).toBeNull();
  });

  it.each([
    [{ S3_BUCKET: 'models', AWS_ACCESS_KEY_ID: 'id' }, 'AWS_SECRET_ACCESS_KEY'],
    [{ S3_BUCKET: 'models', AWS_SECRET_ACCESS_KEY: 'hidden' }, 'AWS_ACCESS_KEY_ID'],
    [{ S3_BUCKET: 's3://models' }, 'S3_BUCKET'],
    [{ S3_BUCKET: 'models', AWS_ENDPOINT_URL: 'file:///etc' }, 'AWS_ENDPOINT_URL'],
  ])('refuses %j', (variables, named) => {
    expect(() => parseConfiguration(variables)).toThrow(new RegExp(`${named}`));
    expect(() => parseConfiguration(variables)).not.toThrow(/hidden/);
  });

  it('names every invalid variable', () => {
    const wrong = {
      MODEL_NAME: 'A B',
      MODEL_ALIAS: 'No Alias',
      DATASET_NAME: '../x',
      ALIAS_POLL_SECONDS: 'often',
      BUCKET_PREFIX: 'no-slash',
    };
    for (const name of Object.keys(wrong)) {
      expect(() => parseConfiguration(wrong)).toThrow(name);
    }
  });
});
