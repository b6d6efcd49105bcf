import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { manifestSchema } from '../../../shared/registry/manifest.ts';
import { openBackend } from '../../../trainer/backend/open-backend.ts';
import { exportRun } from '../../../trainer/evaluate/export-run.ts';
import { publishRun } from '../../../trainer/run/publish.ts';
import { readRun } from '../../../trainer/run/read-run.ts';
import { writeSmallDataset } from '../../support/datasets/small-dataset.ts';
import { bucketEnvironment, openLocalBucket } from '../../support/s3/local-bucket.ts';
import { smallTraining, startTraining } from '../../support/training-process.ts';

const bucket = openLocalBucket();
let folder: string;
let dataset: string;
/** A wide network, and the teachers of the student: it, a version of it and a file. */
let wide: string;
let teachers: string[];
/** Arguments of the student's training. */
let student: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-teacher-'));
  dataset = await writeSmallDataset(folder);
  wide = (await train('--dataset', dataset, '--epochs', '1', '--network', 'wide')).run;
  const plain = (await train('--dataset', dataset, '--epochs', '1')).run;
  const { manifest } = await publishRun(bucket, wide, {});
  const file = join(folder, 'teacher.safetensors');
  await openBackend('cpu');
  await writeFile(file, await exportRun(await readRun(plain), 'safetensors'));
  const version = `${bucket.url}/models/${manifest.name}/versions/${manifest.version}`;
  teachers = ['--teacher', wide, version, file];
  student = [...smallTraining(dataset), ...teachers, '--temperature', '3'];
}, 120_000);
afterAll(() => rm(folder, { recursive: true }));

async function train(...argv: string[]) {
  const runs = argv.includes('--resume')
    ? []
    : ['--backend', 'wasm', '--runs', join(folder, 'runs')];
  const training = startTraining([...argv, ...runs], undefined, bucketEnvironment);
  const { code, stderr } = await training.ended;
  return { code, stderr, run: String(training.reports.at(-1)?.run), reports: training.reports };
}

const weightsOf = async (run: string) => (await readRun(run)).epoch.weightsSha256;

it('is recorded in the run, the manifest and the model card', async () => {
  const { code, run, reports } = await train(...student, '--publish', `${bucket.url}/student`);
  expect(code).toBe(0);
  const { config } = await readRun(run);
  const file = `${wide.split('/').at(-1)}/model/weights.bin`;
  expect(config).toMatchObject({ temperature: 3, teacherWeight: 0.7 });
  expect(config.teachers).toMatchObject([
    { file, sha256: await weightsOf(wide) },
    { version: expect.any(String), name: 'hundred-cnn' },
    { file: 'teacher.safetensors' },
  ]);
  const published = reports.find(({ event }) => event === 'published');
  const { training } = manifestSchema.parse(published?.manifest);
  expect(training).toMatchObject({ teachers: config.teachers, temperature: 3, teacherWeight: 0.7 });
  expect(await readFile(join(run, 'README.md'), 'utf8')).toContain(file.split('/')[0] as string);
});

it('teaches a resumed run on, to the same bits', async () => {
  const whole = await train(...student);
  let stopped = false;
  const cut = startTraining(
    [...student, '--runs', join(folder, 'cut')],
    ({ event, epoch, step }, child) => {
      if (stopped || event !== 'progress' || epoch !== 2 || Number(step) < 3) return;
      stopped = true;
      child.kill('SIGINT');
    },
    bucketEnvironment,
  );
  expect((await cut.ended).code).toBe(130);
  const messages = cut.reports.map(({ message }) => String(message));
  const message = messages.findLast((text) => text.includes('--resume')) ?? '';
  const [, run = ''] = /--resume (\S+)/.exec(message) ?? [];
  const without = await train('--resume', run, '--teacher', wide);
  expect(without).toMatchObject({ code: 1, stderr: expect.stringContaining('other teachers') });
  const resumed = await train('--resume', run);
  expect(resumed).toMatchObject({ code: 0, stderr: '' });
  expect(await weightsOf(run)).toBe(await weightsOf(whole.run));
  expect((await readRun(run)).epochs.map(({ loss }) => loss)).toEqual(
    (await readRun(whole.run)).epochs.map(({ loss }) => loss),
  );
});

it.each([
  [['--temperature', '3'], '--temperature: needs --teacher'],
  [['--teacher-weight', '0.5'], '--teacher-weight: needs --teacher'],
  [['--teacher', 's3://catwalk/nothing'], '--teacher: s3://catwalk/nothing does not name a model'],
  [['--from', 'x', '--network', 'wide'], '--network: a training --from a model keeps its network'],
])('refuses %j', async (argv, message) => {
  const { code, stderr } = await train('--dataset', dataset, ...argv);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(message) });
});

it('refuses a teacher with other labels', async () => {
  const named = await writeSmallDataset(await mkdtemp(join(folder, 'named-')));
  await writeFile(join(named, 'labels.txt'), 'abcdefghij'.split('').join('\n'));
  const { code, stderr } = await train('--dataset', named, '--teacher', wide);
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: expect.stringContaining(`${wide} has other labels than hundred`),
  });
});

it('trains its teacher first with --recipe distilled', async () => {
  const small = ['--epochs', '1', '--batch-size', '50', '--validation', '20', '--seed', '3'];
  const { code, reports } = await train('--dataset', dataset, '--recipe', 'distilled', ...small);
  expect(code).toBe(0);
  const [first, second] = reports.filter(({ event }) => event === 'finished');
  const [teacher, own] = [await readRun(String(first?.run)), await readRun(String(second?.run))];
  expect(teacher.config).toMatchObject({ network: 'wide', recipe: 'best', labelSmoothing: 0 });
  expect(teacher.config.teachers).toBeUndefined();
  expect(own.config).toMatchObject({
    recipe: 'distilled',
    teachers: [{ sha256: teacher.epoch.weightsSha256 }],
  });
  expect(own.config.spec.layers[0]).toMatchObject({ filters: 32 });
});
