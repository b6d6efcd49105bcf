import { beforeAll, describe, expect, it } from 'vitest';
import { r2ObjectStore } from '../../../edge/store/r2-object-store.ts';
import type { ObjectStore } from '../../../shared/registry/object-store.ts';
import { openBucket, type TestBucket } from '../../support/edge/bucket.ts';
import { openApp } from '../../support/edge/open-app.ts';
import {
  numberOne,
  numberTwo,
  openTwoVersions,
  type TwoVersions,
} from '../../support/edge/two-versions.ts';

// After TensorFlow Serving's own: g3doc/api_rest.md and model_servers/http_rest_api_handler_test.cc.

const model = '/v1/models/fashion-mnist-cnn';
let bucket: TestBucket;
let second: string;
let call: TwoVersions['call'];
beforeAll(async () => {
  ({ bucket, second, call } = await openTwoVersions());
});

describe('model status', () => {
  const available = (version: string) => ({
    version,
    state: 'AVAILABLE',
    status: { error_code: 'OK', error_message: '' },
  });

  it('lists the versions in memory, and finds one by number, name or label', async () => {
    const own = openApp(bucket);
    expect(await own.json(model)).toEqual({ model_version_status: [available(numberOne)] });
    for (const path of [`/versions/${numberTwo}`, `/versions/${second}`, '/labels/candidate']) {
      expect(await own.json(model + path)).toEqual({
        model_version_status: [available(numberTwo)],
      });
    }
    expect(await own.json(model)).toEqual({
      model_version_status: [available(numberTwo), available(numberOne)],
    });
  });

  it('reports why a version cannot be loaded', async () => {
    const damaged = openBucket();
    const bad = await damaged.publish('one', { damage: { 'weights.bin': null } });
    await damaged.moveAlias(bad);
    const { model_version_status } = await openApp(damaged).json(model);
    expect(model_version_status).toEqual([
      {
        version: numberOne,
        state: 'END',
        status: { error_code: 'DATA_LOSS', error_message: expect.stringContaining('weights.bin') },
      },
    ]);
  });

  it.each([
    ['/v1/models/foo', 404, 'Could not find any versions of model foo'],
    [`${model}/versions/99`, 404, 'Could not find version 99 of model fashion-mnist-cnn'],
    [`${model}/labels/nobody`, 400, 'Unrecognized servable version label: nobody'],
  ])('does not know %s', async (path, status, error) => {
    expect(await call('GET', path)).toMatchObject({ status, answer: { error } });
  });

  it('lists the bucket once per poll interval, whatever numbers are requested', async () => {
    const store = r2ObjectStore(bucket.bucket);
    const listed: string[] = [];
    const list: ObjectStore['list'] = (prefix) => {
      listed.push(prefix);
      return store.list(prefix);
    };
    const own = openApp(bucket, { store: { ...store, list } });
    const numbers = Array.from(
      { length: 20 },
      (_, i) => `202611241015${String(i).padStart(2, '0')}`,
    );
    const statuses: number[] = [];
    for (const number of numbers) {
      statuses.push((await own.request(`${model}/versions/${number}`)).status);
    }
    expect(statuses).toEqual([200, ...Array.from({ length: 19 }, () => 404)]);
    expect(listed).toHaveLength(1);
    own.passTime(2_000);
    await own.request(`${model}/versions/${numberTwo}`);
    expect(listed).toHaveLength(2);
  });

  it('finds no version before one is published', async () => {
    const response = await openApp(openBucket()).request(model);
    expect([response.status, await response.json()]).toEqual([
      404,
      { error: 'Could not find any versions of model fashion-mnist-cnn' },
    ]);
  });
});

describe('model metadata', () => {
  it('contains the signature of the requested version', async () => {
    const dim = (...sizes: string[]) => sizes.map((size) => ({ size, name: '' }));
    const { answer } = await call('GET', `${model}/metadata`);
    expect(answer).toEqual({
      model_spec: { name: 'fashion-mnist-cnn', signature_name: '', version: numberOne },
      metadata: {
        signature_def: {
          signature_def: {
            serving_default: {
              inputs: {
                images: {
                  dtype: 'DT_FLOAT',
                  tensor_shape: { dim: dim('-1', '28', '28', '1'), unknown_rank: false },
                  name: 'images:0',
                },
              },
              outputs: {
                probabilities: {
                  dtype: 'DT_FLOAT',
                  tensor_shape: { dim: dim('-1', '10'), unknown_rank: false },
                  name: 'probabilities:0',
                },
              },
              method_name: 'tensorflow/serving/predict',
              defaults: {},
            },
          },
        },
      },
    });
    const two = await call('GET', `${model}/labels/candidate/metadata`);
    expect(two.answer.model_spec.version).toBe(numberTwo);
  });
});
