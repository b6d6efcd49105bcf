import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { publishVersion } from '../../../trainer/registry/publish-version.ts';
import { trainedModel } from '../../support/models/trained-model.ts';
import { bucketEnvironment, openLocalBucket } from '../../support/s3/local-bucket.ts';

const repository = join(import.meta.dirname, '../../..');

async function models(...argv: string[]) {
  const command = [join(repository, 'trainer/cli.ts'), 'models', ...argv];
  const env = { ...process.env, ...bucketEnvironment };
  const { stdout } = await promisify(execFile)(process.execPath, command, { env });
  return stdout;
}

test('`models` names the other models in the bucket', async () => {
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
});
