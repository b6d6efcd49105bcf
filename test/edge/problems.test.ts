import { describe, expect, it, vi } from 'vitest';
import { parseConfiguration } from '../../edge/configuration.ts';
import { type ObjectStore, StoreError } from '../../edge/store/object-store.ts';
import { openBucket } from './bucket.ts';
import { openApp } from './open-app.ts';

const storeThatThrows = (error: Error): ObjectStore => ({
  get: () => Promise.reject(error),
  getIfChanged: () => Promise.reject(error),
  getRange: () => Promise.reject(error),
});

describe('what goes wrong inside', () => {
  it('is a 503 with the cause where the store fails', async () => {
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

  it('is a 500 that gives nothing away where it is a bug, and is logged', async () => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => {});
    const bug = new TypeError('secret detail');
    const app = openApp(openBucket(), { store: storeThatThrows(bug) });
    const answer = await app.json('/predict?index=0');
    expect(answer).toMatchObject({ status: 500, code: 'internal_error' });
    expect(JSON.stringify(answer)).not.toContain('secret');
    expect(logged).toHaveBeenCalledWith(bug);
    logged.mockRestore();
  });
});

describe('parseConfiguration', () => {
  it('has a default for every variable', () => {
    expect(parseConfiguration({})).toEqual({
      modelName: 'fashion-mnist-cnn',
      alias: 'production',
      datasetName: 'fashion-mnist',
      pollMilliseconds: 2000,
      bucketPrefix: '',
    });
  });

  it('names every variable that is wrong', () => {
    const wrong = {
      MODEL_NAME: 'A B',
      MODEL_ALIAS: '',
      DATASET_NAME: '../x',
      ALIAS_POLL_SECONDS: 'often',
      BUCKET_PREFIX: 'no-slash',
    };
    for (const name of Object.keys(wrong)) {
      expect(() => parseConfiguration(wrong)).toThrow(name);
    }
  });
});
