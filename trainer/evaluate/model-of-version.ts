import {
  type DatasetInfo,
  datasetInfoSchema,
  type Manifest,
} from '../../shared/registry/manifest.ts';
import { loadTestSet } from '../data/load-dataset.ts';
import { versionOfAlias } from '../registry/aliases.ts';
import type { Bucket } from '../registry/bucket.ts';
import { downloadTestSet } from '../registry/download-test-set.ts';
import { RegistryError, VersionNotFoundError } from '../registry/errors.ts';
import { localFolder } from '../registry/open-dataset.ts';
import { readJson } from '../registry/read-json.ts';
import { readTestSetOf, testHashesOf } from '../registry/test-set.ts';
import { downloadVersion } from '../registry/versions.ts';
import { checkLabels, type NamedTestSet, type TrainedModel } from './trained-model.ts';

/**
 * Loads a version from a bucket, by its name or an alias, and checks every file against its SHA-256.
 *
 * @throws {VersionNotFoundError} if the bucket has no such version or alias
 * @throws {CorruptVersionError} if a file does not match the manifest
 * @throws {StoreError} if the bucket can't be used
 */
export async function modelOfVersion(
  bucket: Bucket,
  name: string,
  wanted: { version: string } | { alias: string },
): Promise<TrainedModel> {
  const alias = 'alias' in wanted ? wanted.alias : null;
  const version =
    'alias' in wanted ? await versionOfAlias(bucket, name, wanted.alias) : wanted.version;
  const { manifest, files } = await downloadVersion(bucket, name, version);
  const named = alias === null ? '' : `, which ${alias} names`;
  return {
    identity: { name, version, alias },
    description: `${name} ${version}${named}`,
    spec: manifest.model,
    files,
    recorded: { accuracy: manifest.metrics.accuracy, loss: manifest.metrics.loss },
    async loadTest(options) {
      if (options.dataDir === undefined) return testSetOf(bucket, manifest);
      const dataDir = await localFolder(options.dataDir, options, options);
      const loaded = await loadTestSet(manifest.model, {
        ...options,
        dataDir,
        dataset: manifest.dataset.name,
      });
      checkLabels(manifest.model, loaded);
      return { ...loaded.test, name: loaded.name };
    },
  };
}

/**
 * Downloads the test set that the version was measured on. If the bucket does not have it, the served one must be the same.
 *
 * @throws {RegistryError} if it is another one
 */
async function testSetOf(bucket: Bucket, manifest: Manifest): Promise<NamedTestSet> {
  const { name } = manifest.dataset;
  const key = bucket.layout.datasetFile(name, 'dataset.json');
  const info =
    (await readTestSetOf(bucket, manifest)) ?? (await readJson(bucket, key, datasetInfoSchema));
  if (info === null) {
    throw new VersionNotFoundError(
      `${bucket.url} has no test set of ${name} (${key}). Upload it with \`catwalk data upload\`, or read one from a folder with --data-dir.`,
    );
  }
  checkTestSet(bucket, manifest, info.value);
  return { ...(await downloadTestSet(bucket, info.value)), name };
}

function checkTestSet(bucket: Bucket, { version, dataset, model }: Manifest, info: DatasetInfo) {
  checkLabels(model, info);
  const expected = testHashesOf(dataset);
  if (expected === null) return;
  const hashOf = (file: string) => info.files.find(({ path }) => path === file)?.sha256;
  if (hashOf('test-images.idx') === expected.images && hashOf('test-labels.idx') === expected.ids) {
    return;
  }
  throw new RegistryError(
    `${bucket.url} serves another test set of ${dataset.name} than the one that ${version} was measured on: the files have other SHA-256 hashes than its manifest. Its accuracy on them would not compare. Upload the data set that it was trained on with \`catwalk data upload\`, or measure it on a folder with --data-dir.`,
  );
}
