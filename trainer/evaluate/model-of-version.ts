import { createHash } from 'node:crypto';
import { datasetInfoSchema, type Manifest } from '../../shared/registry/manifest.ts';
import { loadDataset } from '../data/load-dataset.ts';
import { parseImageSet } from '../data/parse-dataset.ts';
import { readAlias } from '../registry/aliases.ts';
import type { Bucket } from '../registry/bucket.ts';
import { CorruptVersionError, VersionNotFoundError } from '../registry/errors.ts';
import { readJson } from '../registry/read-json.ts';
import { downloadVersion } from '../registry/versions.ts';
import type { NamedTestSet, TrainedModel } from './trained-model.ts';

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
  const version = 'alias' in wanted ? await namedBy(bucket, name, wanted.alias) : wanted.version;
  const { manifest, files } = await downloadVersion(bucket, name, version);
  const named = alias === null ? '' : `, which ${alias} names`;
  return {
    identity: { name, version, alias },
    description: `${name} ${version}${named}`,
    spec: manifest.model,
    files,
    recorded: { accuracy: manifest.metrics.accuracy, loss: manifest.metrics.loss },
    async loadTest(options) {
      if (options.dataDir === undefined) return downloadTestSet(bucket, manifest);
      const { test, name } = await loadDataset({ ...options, dataset: manifest.dataset.name });
      return { ...test, name };
    },
  };
}

async function namedBy(bucket: Bucket, name: string, alias: string): Promise<string> {
  const pointer = await readAlias(bucket, name, alias);
  if (pointer !== null) return pointer.value.version;
  throw new VersionNotFoundError(
    `There is no alias ${alias} of ${name} in ${bucket.url}. \`catwalk models\` lists the aliases; --model names another model.`,
  );
}

/** Downloads the test set, which is published beside the models. */
async function downloadTestSet(
  bucket: Bucket,
  { dataset, model }: Manifest,
): Promise<NamedTestSet> {
  const { name } = dataset;
  const key = bucket.layout.datasetFile(name, 'dataset.json');
  const info = await readJson(bucket, key, datasetInfoSchema);
  if (info === null) {
    throw new VersionNotFoundError(
      `${bucket.url} has no test set of ${name} (${key}). Upload it with \`catwalk data upload\`, or read one from a folder with --data-dir.`,
    );
  }
  const read = async (file: 'test-images.idx' | 'test-labels.idx') => {
    const stored = await bucket.get(bucket.layout.datasetFile(name, file));
    const expected = info.value.files.find(({ path }) => path === file)?.sha256;
    const found = stored && createHash('sha256').update(stored.bytes).digest('hex');
    if (stored && found === expected) return stored.bytes;
    throw new CorruptVersionError(
      `${file} of ${name} in ${bucket.url} ${stored ? `has SHA-256 ${found}, but ${key} expects ${expected}` : 'is missing'}. Upload it again with \`catwalk data upload\`.`,
    );
  };
  const [height, width] = model.inputShape;
  const shape = { height, width, labels: model.labels };
  const images = await read('test-images.idx');
  return { ...parseImageSet('test', shape, images, await read('test-labels.idx')), name };
}
