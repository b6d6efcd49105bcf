/** Buckets at stand-ins that behave like the stores that users have reported. */
import { afterAll, describe, expect, test } from 'vitest';
import { StoreError } from '../../../shared/registry/object-store.ts';
import { nextAlias, updateAlias } from '../../../trainer/registry/aliases.ts';
import { type Bucket, openBucket } from '../../../trainer/registry/bucket.ts';
import { testObjectStore } from '../../support/object-store-contract.ts';
import {
  conflictsForever,
  failingStores,
  refusesConditions,
  truncatesListings,
  usableStores,
} from '../../support/s3/reported-stores.ts';
import { type Behaviour, type StandIn, s3Error, startStandIn } from '../../support/s3/stand-in.ts';

const text = { contentType: 'text/plain' };
const bytes = new TextEncoder().encode('content');

const started: StandIn[] = [];
afterAll(async () => {
  await Promise.all(started.map((standIn) => standIn.stop()));
});

async function start(behaviour: Behaviour, name = 'stand-in') {
  const standIn = await startStandIn(name, behaviour);
  started.push(standIn);
  return { standIn, bucket: open(standIn) };
}

const open = ({ environment }: StandIn, listPageSize = 1000): Bucket =>
  openBucket({ url: 's3://catwalk', environment, listPageSize });

const failureOf = (asking: Promise<unknown>): Promise<Error> =>
  asking.then(
    () => expect.fail('it should have failed'),
    (error: Error) => error,
  );

for (const [name, behaviour] of Object.entries(usableStores)) {
  const { standIn } = await start(behaviour(), name);
  testObjectStore(`S3 for publishers (${name})`, () => {
    const store = open(standIn, 2);
    return {
      store,
      put: (key, content) => store.put(key, new TextEncoder().encode(content), text),
    };
  });
}

describe('an error keeps the sentence of the server and says what to do:', () => {
  test.each(Object.entries(failingStores))('%s', async (_, { behaviour, says }) => {
    const { bucket } = await start(behaviour);
    for (const ask of [
      () => bucket.get('a'),
      () => bucket.getIfChanged('a', 'b'),
      () => bucket.getRange('a', 0, 1),
      () => bucket.list('a/'),
      () => bucket.put('a', bytes, text),
      () => bucket.putIfAbsent('a', bytes, text),
    ]) {
      const error = await failureOf(ask());
      expect(error).toBeInstanceOf(StoreError);
      expect(error.message).toMatch(says);
    }
  });

  test('a store without conditional writes', async () => {
    const { bucket } = await start(refusesConditions);
    for (const put of [
      bucket.putIfAbsent('a', bytes, text),
      bucket.put('a', bytes, { ...text, ifMatch: 'b' }),
    ]) {
      expect((await failureOf(put)).message).toMatch(
        /does not support conditional writes \(HTTP 501 NotImplemented: A header.*--allow-unsafe-store/,
      );
    }
  });

  test('too many requests, which may be repeated for long', async () => {
    const { standIn } = await start(() => s3Error(429, 'TooManyRequests', 'Reduce your rate.'));
    const environment = { ...standIn.environment, AWS_MAX_ATTEMPTS: '1' };
    const bucket = openBucket({ url: 's3://catwalk', environment });
    expect((await failureOf(bucket.get('a'))).message).toMatch(
      /limits the number of requests \(HTTP 429 TooManyRequests: Reduce .*\)\. Try again later, with fewer/,
    );
  });

  test('a listing that breaks off', async () => {
    const { bucket } = await start(truncatesListings);
    expect((await failureOf(bucket.list('a/'))).message).toMatch(/listing is truncated/);
    expect((await failureOf(bucket.listAll('a/'))).message).toMatch(/listing is truncated/);
  });

  test('a conflict that lasts, after seconds', async () => {
    const { bucket, standIn } = await start(conflictsForever);
    expect((await failureOf(bucket.putIfAbsent('a', bytes, text))).message).toMatch(
      /other requests keep writing this object \(HTTP 409 ConditionalRequestConflict: The conditional .* after 9 attempts\)/,
    );
    expect(standIn.requests).toHaveLength(9);
  });
});

test('a missing object is not a lost race if a new one is put', async () => {
  const missing = `<Error><Code>NoSuchKey</Code><Message>The key is missing.</Message></Error>`;
  const { bucket } = await start((request, answer) =>
    request.method === 'PUT' ? { status: 404, body: missing } : answer(request),
  );
  const error = await failureOf(bucket.putIfAbsent('a', bytes, text));
  expect(error.message).toMatch(/HTTP 404 NoSuchKey: The key is missing/);
  expect(await bucket.put('a', bytes, { ...text, ifMatch: 'b' })).toBe(false);
});

test('an alias that a store never lets move, because its ETags are weak, is not called a lost race', async () => {
  const { bucket } = await start(usableStores['weak ETags']?.() ?? expect.fail());
  const move = (version: string) =>
    updateAlias(bucket, { name: 'm', alias: 'production' }, async (current) => ({
      next: nextAlias(
        current,
        { version, previous: null, by: 'ada', action: 'promote', forced: false, reason: undefined },
        new Date(),
      ),
      result: version,
    }));
  await move('20260101T000000Z-00000000');
  expect((await failureOf(move('20260101T000001Z-00000001'))).message).toMatch(
    /refused to write alias production of m 20 times, although nobody else changed it: its ETag W\/.* is weak/,
  );
});

test('no request waits for 100-continue', async () => {
  const { bucket, standIn } = await start((request, answer) => answer(request));
  await bucket.put('large', new Uint8Array(3_000_000), text);
  expect(standIn.requests.map(({ headers }) => headers.expect)).toEqual([undefined]);
});
