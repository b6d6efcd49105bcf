import { createHash } from 'node:crypto';
import { datasetInfoSchema, type Manifest } from '../../shared/registry/manifest.ts';
import { loadDataset } from '../data/load-dataset.ts';
import { parseImageSet } from '../data/parse-dataset.ts';
import type { Bucket } from '../registry/bucket.ts';
import { readJson } from '../registry/read-json.ts';
import { DamagedVersionError, downloadVersion, readAlias } from '../registry/versions.ts';
import type { NamedTestSet, TrainedModel } from './trained-model.ts';

/** The bucket has no such model. */
export class NoSuchVersionError extends Error {
  override name = 'NoSuchVersionError';
}

/**
 * A version in the bucket, or the one that an alias names; every file is checked against its SHA-256.
 *
 * @throws {NoSuchVersionError} where it is not there
 * @throws {DamagedVersionError} where a file is not what the manifest says
 * @throws {BucketError} where the bucket can't be used
 */
export async function modelOfVersion(
  bucket: Bucket,
  name: string,
  wanted: { version: string } | { alias: string },
): Promise<TrainedModel> {
  const alias = 'alias' in wanted ? wanted.alias : null;
  const version = 'alias' in wanted ? await namedBy(bucket, name, wanted.alias) : wanted.version;
  const downloaded = await downloadVersion(bucket, name, version);
  if (downloaded === null) throw missing(bucket, name, `version ${version}`);
  const { manifest, files } = downloaded;
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
  if (pointer === null) throw missing(bucket, name, `alias ${alias}`);
  return pointer.value.version;
}

const missing = (bucket: Bucket, name: string, what: string) =>
  new NoSuchVersionError(
    `${bucket.url} has no ${what} of ${name}. \`catwalk models\` lists what it has; --model names another model.`,
  );

/** The test set lies in the bucket beside its models: what was published can be measured anywhere. */
async function downloadTestSet(
  bucket: Bucket,
  { dataset, model }: Manifest,
): Promise<NamedTestSet> {
  const { name } = dataset;
  const key = bucket.layout.datasetFile(name, 'dataset.json');
  const info = await readJson(bucket, key, datasetInfoSchema);
  if (info === null) {
    throw new NoSuchVersionError(
      `${bucket.url} has no test set of ${name} (${key}). \`catwalk data upload\` puts it there; --data-dir takes one from a folder.`,
    );
  }
  const read = async (file: 'test-images.idx' | 'test-labels.idx') => {
    const stored = await bucket.get(bucket.layout.datasetFile(name, file));
    const expected = info.value.files.find(({ path }) => path === file)?.sha256;
    const found = stored && createHash('sha256').update(stored.bytes).digest('hex');
    if (stored && found === expected) return stored.bytes;
    throw new DamagedVersionError(
      `${file} of ${name} in ${bucket.url} ${stored ? `has SHA-256 ${found}, ${key} says ${expected}` : 'is not there'}. \`catwalk data upload\` puts it there again.`,
    );
  };
  const [height, width] = model.inputShape;
  const shape = { height, width, labels: model.labels };
  const images = await read('test-images.idx');
  return { ...parseImageSet('test', shape, images, await read('test-labels.idx')), name };
}
