/** The package of `npm pack`, in an empty project with only the declared dependencies. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import catwalk from '../../package.json' with { type: 'json' };
import { drawShape, shapes, writeShapes } from '../support/datasets/write-shapes.ts';

const run = promisify(execFile);
const repository = join(import.meta.dirname, '../..');
const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'catwalk-package-'));
  const modules = join(folder, 'node_modules');
  await mkdir(join(modules, 'catwalk'), { recursive: true });
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: repository });
  const tarball = join(folder, `catwalk-${catwalk.version}.tgz`);
  await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', join(modules, 'catwalk')]);
  const declared = [...Object.keys(catwalk.dependencies), '@types/node'];
  for (const name of declared) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(repository, 'node_modules', name), join(modules, name));
  }
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await writeShapes(join(folder, 'Shapes'), { train: 167, test: 10 });
  await writeFile(join(folder, 'new.png'), drawShape('circle', 'never seen'));
});
afterAll(() => rm(folder, { recursive: true }));

const program = `import { evaluate, loadDataset, predict, train } from 'catwalk/trainer';
import type { TrainReport } from 'catwalk/trainer';

const dataset = await loadDataset('Shapes');
const seen: TrainReport['event'][] = [];
const { run, accuracy, loss } = await train(dataset, {
  epochs: 1,
  limit: 500,
  threads: 2,
  backend: 'wasm',
  onProgress: ({ event }) => seen.push(event),
});
const metrics = await evaluate(run);
const [prediction] = await predict(run, ['new.png']);
console.log(JSON.stringify({
  seen: [...new Set(seen)],
  same: metrics.accuracy === accuracy && Math.abs(metrics.loss - loss) < 1e-5,
  prediction,
}));
const unknown = await train(dataset, { epoch: 1 } as object).catch(String);
const unreadable = await predict(run, ['absent.png']).catch(String);
console.log(JSON.stringify({ unknown, unreadable }));
`;

it('trains, evaluates and predicts, with worker threads and WebAssembly of its own', async () => {
  await writeFile(join(folder, 'program.ts'), program);
  const { stdout } = await run(process.execPath, ['program.ts'], { cwd: folder });
  const [result, errors] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(result.seen).toEqual(expect.arrayContaining(['started', 'progress', 'epoch', 'finished']));
  expect(result.same).toBe(true);
  expect(result.prediction.probabilities.map(({ label }: { label: string }) => label)).toEqual(
    shapes,
  );
  expect(errors.unknown).toMatch(/there is no option epoch\. The options are: recipe, epochs,/);
  expect(errors.unreadable).toMatch(/absent\.png: there is no such file/);
  expect(await readdir(join(folder, 'runs'))).toHaveLength(1);
});

it('trains in a program that is no file', async () => {
  const evaluated = `import { loadDataset, train } from 'catwalk/trainer';
    const options = { epochs: 1, limit: 64, threads: 2, backend: 'wasm', runs: 'others' };
    const { run } = await train(await loadDataset('Shapes'), options);
    console.log(run);`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', evaluated], {
    cwd: folder,
  });
  expect(stdout.trim()).toBe(join('others', ...(await readdir(join(folder, 'others')))));
});

it('type-checks in a program of its own', async () => {
  const settings =
    '--noEmit --strict --skipLibCheck --target es2024 --module nodenext --types node';
  const check = (file: string) =>
    run(process.execPath, [join(typescript, 'bin/tsc'), ...settings.split(' '), file], {
      cwd: folder,
    });
  await writeFile(join(folder, 'program.ts'), program);
  await check('program.ts');
  await writeFile(
    join(folder, 'wrong.ts'),
    "import { train } from 'catwalk/trainer';\nawait train('photos', { epochs: 'two' });\n",
  );
  await expect(check('wrong.ts')).rejects.toMatchObject({ stdout: /wrong\.ts\(2,/ });
});

it('includes the command', async () => {
  const command = join(folder, 'node_modules/catwalk/trainer/catwalk.mjs');
  const { stdout } = await run(
    process.execPath,
    [command, 'data', '--dataset', 'Shapes', '--json'],
    {
      cwd: folder,
    },
  );
  expect(JSON.parse(stdout)).toMatchObject({ labels: shapes, train: 501, test: 30 });
});
