/** Publishing to stores that ignore or refuse conditional writes, and pruning by the clock of the store. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bucket, openBucket } from '../../../trainer/registry/bucket.ts';
import { moveAlias } from '../../../trainer/registry/move-alias.ts';
import { prune } from '../../../trainer/registry/prune.ts';
import { publishVersion } from '../../../trainer/registry/publish-version.ts';
import { type SmallModel, smallModels } from '../../support/models/small-model.ts';
import {
  ignoresConditions,
  limitedStore,
  refusesConditions,
} from '../../support/s3/reported-stores.ts';
import { type Behaviour, type StandIn, startStandIn } from '../../support/s3/stand-in.ts';

const cli = join(import.meta.dirname, '../../../trainer/cli.ts');
const dayMs = 24 * 60 * 60 * 1000;
let makeModel: (accuracy: number) => SmallModel;
beforeAll(async () => {
  makeModel = await smallModels();
});
const started: StandIn[] = [];
afterAll(async () => {
  await Promise.all(started.map((standIn) => standIn.stop()));
});

async function start(behaviour?: Behaviour, now?: () => Date): Promise<StandIn> {
  const standIn = await startStandIn('stand-in', behaviour, now ? { now } : {});
  started.push(standIn);
  return standIn;
}

const open = ({ environment }: StandIn, allowUnsafeStore = false): Bucket =>
  openBucket({ url: 's3://catwalk', environment, allowUnsafeStore });

async function publish(bucket: Bucket, accuracy: number) {
  const { name, version } = await publishVersion(bucket, makeModel(accuracy));
  const move = { name, alias: 'production', version, action: 'publish', by: 'ada' } as const;
  return { name, version, move: await moveAlias(bucket, move) };
}

const unsafe: [string, Behaviour, RegExp][] = [
  ['ignores', ignoresConditions, /ignores the conditions.*created an object that exists.*replaced/],
  ['refuses', refusesConditions, /does not support conditional writes/],
];

describe.each(unsafe)('a store that %s conditions', (_, behaviour, says) => {
  it('gets no version, unless it is allowed', async () => {
    const standIn = await start(behaviour);
    await expect(publish(open(standIn), 0.5)).rejects.toThrow(says);
    await expect(publish(open(standIn), 0.5)).rejects.toThrow(/--allow-unsafe-store/);
    const written = Array.from(standIn.objects.keys());
    expect(written.filter((key) => /manifest|alias/.test(key))).toEqual([]);

    const bucket = open(standIn, true);
    const first = await publish(bucket, 0.5);
    const second = await publish(bucket, 0.6);
    expect(second.move).toMatchObject({ outcome: 'moved', alias: { previous: first.version } });
    // Existing objects are not overwritten, even there.
    const [key = ''] = standIn.objects.keys();
    const text = { contentType: 'text/plain' };
    expect(await bucket.putIfAbsent(key, new Uint8Array(1), text)).toBe(false);
    expect(await bucket.put(key, new Uint8Array(1), { ...text, ifMatch: 'stale' })).toBe(false);
  });

  it('gets no alias of a version that exists, either', async () => {
    const standIn = await start(behaviour);
    const model = makeModel(0.5);
    const { version } = await publishVersion(open(standIn, true), model);
    const stored = new Map(standIn.objects);
    await expect(publishVersion(open(standIn), model)).rejects.toThrow(says);
    for (const [key, { etag }] of stored) expect(standIn.objects.get(key)?.etag).toBe(etag);
    expect(await publishVersion(open(standIn, true), model)).toMatchObject({ version });
  });

  it('is named by doctor', async () => {
    const { environment } = await start(behaviour);
    const command = [cli, 'doctor', '--device', 'cpu', '--json', '--publish', 's3://catwalk'];
    const env = { ...process.env, ...environment };
    const stdout = await new Promise<string>((resolve) =>
      execFile(process.execPath, command, { env }, (_error, printed) => resolve(printed)),
    );
    const findings: { name: string; status: string; detail: string }[] = JSON.parse(stdout);
    const bucket = findings.find(({ name }) => name === 'bucket');
    expect(bucket?.status).toBe('fail');
    expect(bucket?.detail).toMatch(says);
  });
});

it('a store is checked once, however much is published', async () => {
  const standIn = await start();
  const bucket = open(standIn);
  const refusals = () =>
    standIn.requests.filter(({ headers }) => headers['if-match']?.includes('0'.repeat(32)));
  for (const accuracy of [0.5, 0.6]) await publish(bucket, accuracy);
  await publish(bucket, 0.6);
  expect(refusals()).toHaveLength(1);
  await publish(open(standIn), 0.6);
  expect(refusals()).toHaveLength(2);
});

describe('a store that accepts one write a second of each object', () => {
  it('gets one from a publication, and one more of two objects from the check before the first', async () => {
    const standIn = await start();
    const bucket = open(standIn);
    const putsOfEach = (from: number) => {
      const puts = standIn.requests.slice(from).filter(({ method }) => method === 'PUT');
      const byKey = Object.groupBy(puts, ({ key }) => key.split('/').at(-1) as string);
      return Object.fromEntries(Object.entries(byKey).map(([key, each]) => [key, each?.length]));
    };
    const evaluation = new TextEncoder().encode('{}');
    await publishVersion(bucket, { ...makeModel(0.5), evaluation });
    const once = { 'weights.bin': 1, 'model.json': 1, 'manifest.json': 1 };
    expect(putsOfEach(0)).toEqual({ ...once, 'model.json': 2, 'evaluation.json': 2 });
    const before = standIn.requests.length;
    await publish(bucket, 0.6);
    expect(putsOfEach(before)).toEqual({ ...once, 'production.json': 1 });
  });

  it('gets every publication of several publishers', async () => {
    const limited = limitedStore(300);
    let refused = 0;
    const standIn = await start(async (request, answer) => {
      const answered = await limited(request, answer);
      if (answered.status === 429) refused++;
      return answered;
    });
    // The client itself repeats nothing.
    const environment = { ...standIn.environment, AWS_MAX_ATTEMPTS: '1' };
    const moves = await Promise.all(
      [0.5, 0.6, 0.7].map((accuracy) =>
        publish(openBucket({ url: 's3://catwalk', environment }), accuracy),
      ),
    );
    expect(moves.at(-1)?.move).toMatchObject({ outcome: 'moved' });
    expect(refused).toBeGreaterThan(0);
  });
});

describe('the clock of the store', () => {
  it('names versions and decides about their age, if that of a publisher is wrong', async () => {
    let time = Date.now() + 3 * dayMs;
    const standIn = await start(undefined, () => new Date(time));
    const bucket = open(standIn);
    const published: string[] = [];
    for (const accuracy of [0.5, 0.6, 0.7, 0.8]) {
      const { version } = await publish(bucket, accuracy);
      published.push(version);
      time += 1_000;
    }
    expect(published[0]?.slice(0, 8)).toBe(
      new Date(time).toISOString().slice(0, 10).replaceAll('-', ''),
    );
    const { name } = makeModel(0).spec;
    const options = { name, keep: 0, dryRun: false };
    expect(await prune(bucket, options)).toMatchObject({
      versions: [],
      recent: published.slice(0, 2),
      kept: 4,
    });
    time += dayMs + 1_000;
    expect(await prune(open(standIn), options)).toMatchObject({
      versions: published.slice(0, 2),
      kept: 2,
    });
  });

  it('decides which versions are the newest, whatever their names say', async () => {
    let time = Date.now();
    const standIn = await start(undefined, () => new Date(time));
    const bucket = open(standIn);
    const early = { ...makeModel(0.6), now: new Date('2020-01-01') };
    const late = { ...makeModel(0.5), now: new Date('2030-01-01') };
    const first = await publishVersion(bucket, late);
    time += 60_000;
    const last = await publishVersion(bucket, early);
    time += 2 * dayMs;
    const options = { name: early.spec.name, keep: 1, dryRun: false };
    expect(await prune(bucket, options)).toMatchObject({ versions: [first.version], kept: 1 });
    expect(await prune(bucket, options)).toMatchObject({ versions: [], kept: 1 });
    expect(standIn.objects.has(bucket.layout.manifest(last.name, last.version))).toBe(true);
  });
});

describe('objects are deleted', () => {
  const text = { contentType: 'text/plain' };
  const keys = Array.from({ length: 5 }, (_, index) => `a&b/${index}`);

  it.each([
    ['with one request', undefined, 1],
    [
      'one by one, if the store does not know it',
      (request, answer) =>
        request.method === 'POST' ? { status: 501, body: '' } : answer(request),
      6,
    ],
  ] satisfies [string, Behaviour | undefined, number][])('%s', async (_, behaviour, requests) => {
    const standIn = await start(behaviour);
    const bucket = open(standIn);
    for (const key of keys) await bucket.put(key, new Uint8Array(1), text);
    await bucket.deleteAll([...keys.slice(1), 'absent']);
    expect(Array.from(standIn.objects.keys())).toEqual(keys.slice(0, 1));
    expect(standIn.requests).toHaveLength(keys.length + requests);
  });

  it('or the error says which one is not', async () => {
    const refusal =
      '<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code><Message>Locked.</Message></Error></DeleteResult>';
    const standIn = await start(() => ({ status: 200, body: refusal }));
    await expect(open(standIn).deleteAll(['a'])).rejects.toThrow(
      /permission denied \(HTTP 403 AccessDenied: a: Locked\)/,
    );
  });
});
