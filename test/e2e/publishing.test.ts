/** The registry as users see it: the commands, the bucket over HTTP, and a Worker that serves from it. */
import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalWorker, startLocalWorker } from '../../infra/local/worker.ts';
import { readAlias } from '../../trainer/registry/aliases.ts';
import { type Bucket, openBucket } from '../../trainer/registry/bucket.ts';
import { toJsonBytes } from '../../trainer/registry/read-json.ts';
import { signAlias } from '../../trainer/registry/signature.ts';
import { smallModels, writeRun } from '../support/models/small-model.ts';
import { sample } from '../support/vitest/sample.ts';

const cli = join(import.meta.dirname, '../../trainer/cli.ts');
const ours = generateKeyPairSync('ed25519');
const another = generateKeyPairSync('ed25519');
const json = { contentType: 'application/json' };
let makeModel: Awaited<ReturnType<typeof smallModels>>;
let name: string;
let folder: string;
let worker: LocalWorker;
let bucket: Bucket;

beforeAll(async () => {
  makeModel = await smallModels();
  ({ name } = makeModel(0).spec);
  folder = await mkdtemp(join(tmpdir(), 'catwalk-publishing-'));
  for (const [file, { privateKey }] of Object.entries({ ours, another })) {
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    await writeFile(join(folder, `${file}.pem`), pem);
  }
  const der = ours.publicKey.export({ type: 'spki', format: 'der' });
  worker = await startLocalWorker({
    port: 0,
    persistTo: join(folder, 'state'),
    variables: { MODEL_PUBLIC_KEY: der.toString('base64') },
  });
  bucket = openBucket({ url: 's3://catwalk', environment: worker.env });
});
afterAll(async () => {
  await worker?.stop();
  await rm(folder, { recursive: true });
});

interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

const catwalk = (...argv: string[]) =>
  new Promise<Result>((resolve) => {
    const env = { ...process.env, ...worker.env, CATWALK_BUCKET: 's3://catwalk' };
    const child = execFile(process.execPath, [cli, ...argv], { env }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });

let runs = 0;

/** Publishes a run with the command; `--json` gives its version. */
async function publishRun(accuracy: number, ...options: string[]) {
  const run = join(folder, `run-${runs++}`);
  await writeRun(run, makeModel(accuracy));
  const result = await catwalk('publish', run, '--json', ...options);
  return { ...result, version: result.stdout ? JSON.parse(result.stdout).version : '' };
}

const key = (file: string) => ['--sign', join(folder, `${file}.pem`)];
const production = ['--alias', 'production'];

// biome-ignore lint/suspicious/noExplicitAny: the answers are what is tested.
const ready = async (): Promise<any> => (await fetch(`${worker.url}/readyz`)).json();

/** Polls until the answer matches; the test's time limit ends it. */
async function untilReady(wanted: (answer: Awaited<ReturnType<typeof ready>>) => boolean) {
  for (;;) {
    const answer = await ready();
    if (wanted(answer)) return answer;
  }
}

const moveByHand = async (version: string) => {
  const found = await readAlias(bucket, name, 'production');
  const alias = { version, updatedAt: new Date().toISOString(), previous: null };
  const kept = { ...alias, history: found?.value.history ?? [] };
  const signed = signAlias(name, 'production', { ...kept, pruning: [] }, ours.privateKey);
  await bucket.put(bucket.layout.alias(name, 'production'), toJsonBytes(signed), json);
};

describe('the commands', () => {
  let first: string;
  let better: string;

  it('publish a run, and move the alias to it if it is good enough', async () => {
    const published = await publishRun(0.8, ...production, ...key('ours'));
    expect(published.code, published.stderr).toBe(0);
    first = published.version;
    ({ version: better } = await publishRun(0.9, ...production, ...key('ours')));
    const worse = await publishRun(0.7, ...production, ...key('ours'));
    expect(worse.code).toBe(1);
    expect(JSON.parse(worse.stdout).move).toMatchObject({
      outcome: 'kept',
      reason: 'less-accurate',
      currentAccuracy: 0.9,
      newAccuracy: 0.7,
    });
    const { stdout } = await catwalk('models');
    expect(stdout).toMatch(new RegExp(`${better} +90.00 % .* production\n`));
    expect(stdout.trim().split('\n')).toHaveLength(4);
  });

  it('promote by force only with a reason, which the history records', async () => {
    const wrong = await catwalk('promote', first, '--force');
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('--reason') });
    const refused = await catwalk('promote', first);
    expect(refused).toMatchObject({ code: 1, stdout: expect.stringContaining('stays at') });
    const forced = ['--force', '--reason', 'the old camera', '--by', 'grace'];
    expect((await catwalk('promote', first, ...forced)).code).toBe(0);
    const { stdout } = await catwalk('models', 'history');
    expect(stdout).toMatch(
      new RegExp(`3 .* ${first} .*promote \\(forced\\) +grace +the old camera`),
    );
  });

  it('roll back, and prune no version of the last day', async () => {
    expect((await catwalk('rollback')).stdout).toContain(`to ${better}`);
    const dry = await catwalk('prune', '--keep', '0', '--dry-run');
    expect(dry.stdout).toMatch(/Kept \S+, published in the last day\nWould delete 0 versions/);
    const pruned = await catwalk('prune', '--keep', '0', '--all-models', '--json');
    expect(JSON.parse(pruned.stdout).models).toMatchObject([{ versions: [], kept: 3 }]);
    const listed = JSON.parse((await catwalk('models', '--all', '--json')).stdout);
    expect(listed.models).toHaveLength(1);
    expect(listed.models[0].versions).toHaveLength(3);
  });

  it.each(
    sample<[string[], string]>(
      [
        [['promote', 'latest'], '<version>'],
        [['prune'], '--keep'],
        [['publish'], 'run'],
        [['models', '--bucket', 'https://catwalk'], '--bucket'],
        [['models', '--endpoint', 'localhost:9000'], '--endpoint'],
      ],
      2,
    ),
  )('end with 2 on wrong usage: %j', async (argv, named) => {
    const { code, stderr } = await catwalk(...argv);
    expect(code).toBe(2);
    expect(stderr).toContain(named);
  });

  it('end with 1 if the run, the version or the bucket does not exist', async () => {
    const absent = await catwalk('publish', join(folder, 'no-run'));
    expect(absent).toMatchObject({ code: 1, stderr: expect.stringContaining('config.json') });
    const unknown = await catwalk('promote', '20200101T000000Z-00000000');
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('catwalk models') });
    const nowhere = await catwalk('models', '--bucket', 's3://nowhere');
    expect(nowhere).toMatchObject({ code: 1, stderr: expect.stringContaining('no such bucket') });
  });
});

describe('a Worker keeps its model, and reports in /readyz why it refuses', () => {
  let good: string;
  beforeAll(async () => {
    good = (await publishRun(0.95, ...production, ...key('ours'))).version;
    await untilReady(({ model }) => model?.version === good);
  });

  async function expectRefusal(version: string, cause: string) {
    await moveByHand(version);
    const answer = await untilReady(({ failure }) => failure?.version === version);
    expect(answer.model.version).toBe(good);
    expect(answer.failure.detail).toContain(cause);
    expect((await fetch(`${worker.url}/model`)).status).toBe(200);
  }

  it('a version whose weights have one flipped byte', async () => {
    const { version } = await publishRun(0.96, ...key('ours'));
    const weights = bucket.layout.versionFile(name, version, 'weights.bin');
    const bytes = (await bucket.get(weights))?.bytes ?? new Uint8Array(0);
    bytes[1000] = (bytes[1000] ?? 0) ^ 1;
    await bucket.put(weights, bytes, json);
    await expectRefusal(version, 'SHA-256');
    // The trainer refuses to move an alias to it, too.
    const promoted = await catwalk('promote', version, '--alias', 'candidate');
    expect(promoted).toMatchObject({ code: 1, stderr: expect.stringContaining('corrupt') });
  });

  it('a version whose manifest names a file that is missing', async () => {
    const { version } = await publishRun(0.96, ...key('ours'));
    await bucket.delete(bucket.layout.versionFile(name, version, 'model.json'));
    await expectRefusal(version, 'lacks its file model.json');
  });

  it('a version that is missing', async () => {
    await expectRefusal('20200101T000000Z-00000000', 'There is no version');
  });

  it('a version that another key signed', async () => {
    const { version } = await publishRun(0.96, ...key('another'));
    await expectRefusal(version, 'another key');
  });

  it('a version that nobody signed', async () => {
    const { version } = await publishRun(0.96);
    await expectRefusal(version, 'not signed');
  });

  it('an alias that nobody signed', async () => {
    const { version } = await publishRun(0.96, ...key('ours'));
    const moved = await catwalk('promote', version, '--force', '--reason', 'a test');
    expect(moved.code, moved.stderr).toBe(0);
    const { failure, model } = await untilReady(({ failure }) =>
      failure?.detail.includes('follows only signed aliases'),
    );
    expect(failure.detail).toContain(
      `catwalk promote ${version} --alias production --sign key.pem`,
    );
    expect(model.version).toBe(good);
    expect((await catwalk('promote', version, ...key('ours'))).code).toBe(0);
    await untilReady(({ model }) => model.version === version);
  });

  it('then serves the next valid version', async () => {
    const next = await publishRun(0.97, ...production, ...key('ours'));
    expect(next.code, next.stderr).toBe(0);
    const { failure } = await untilReady(({ model }) => model?.version === next.version);
    expect(failure).toBeNull();
  });
});
