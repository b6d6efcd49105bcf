import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { publishVersion } from '../../../trainer/registry/publish-version.ts';
import { trainedModel } from '../../support/models/trained-model.ts';
import { bucketEnvironment, openLocalBucket } from '../../support/s3/local-bucket.ts';

const repository = join(import.meta.dirname, '../../..');

const models = (...argv: string[]) => catwalk('models', ...argv);

async function catwalk(...argv: string[]) {
  const command = [join(repository, 'trainer/cli.ts'), ...argv];
  const env = { ...process.env, ...bucketEnvironment };
  const { stdout } = await promisify(execFile)(process.execPath, command, { env });
  return stdout;
}

test('`models` names the other models in the bucket, and lists all, as `prune` prunes all', async () => {
  const bucket = openLocalBucket();
  const version = await trainedModel(1, 0.9);
  expect(await models('--bucket', bucket.url)).toMatch(/^There is no version of .*\n$/);
  for (const name of ['photos-cnn', 'fashion-mnist-cnn', 'mnist-cnn']) {
    await publishVersion(bucket, { ...version, spec: { ...version.spec, name } });
  }
  const lines = (await models('--bucket', bucket.url)).trim().split('\n');
  expect(lines).toHaveLength(3);
  expect(lines.at(-1)).toBe('Other models (--all lists them): mnist-cnn, photos-cnn');
  const missing = await models('--bucket', bucket.url, '--model', 'other-cnn');
  expect(missing).toContain('Other models (--all lists them): fashion-mnist-cnn, mnist-cnn');
  const json = JSON.parse(await models('--bucket', bucket.url, '--json'));
  expect(json.otherModels).toEqual(['mnist-cnn', 'photos-cnn']);

  const all = await models('--bucket', bucket.url, '--all');
  expect(all.match(/^\S+/gm)).toEqual(['MODEL', 'fashion-mnist-cnn', 'mnist-cnn', 'photos-cnn']);
  const options = ['--keep', '0', '--all-models', '--json'];
  const pruned = JSON.parse(await catwalk('prune', '--bucket', bucket.url, ...options));
  expect(
    pruned.models.map(({ name, recent }: { name: string; recent: string[] }) => [
      name,
      recent.length,
    ]),
  ).toEqual([
    ['fashion-mnist-cnn', 1],
    ['mnist-cnn', 1],
    ['photos-cnn', 1],
  ]);
});
