import { hash } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type * as z from 'zod/mini';
import { bucketLayout } from '../../shared/registry/bucket-layout.ts';
import {
  aliasSchema,
  datasetInfoSchema,
  manifestSchema,
  type PublishedFile,
} from '../../shared/registry/manifest.ts';
import type { ImageSet } from '../../trainer/data/dataset.ts';
import { parseImageSet } from '../../trainer/data/parse-dataset.ts';
import { toJsonBytes } from '../../trainer/registry/read-json.ts';
import { describeTestSet } from '../../trainer/registry/test-set.ts';

export interface SnapshotOptions {
  /** Reads an object of the bucket, or `null` if it is absent. */
  read: (key: string) => Promise<Uint8Array | null>;
  /** Starts every key in the bucket: empty, or ends with a slash. */
  prefix: string;
  /** The model, the alias and the data set that the Worker serves. */
  model: string;
  alias: string;
  dataset: string;
  /** The folder for the snapshot. Its old content is removed if the alias exists. */
  folder: string;
  /** The number of test images (default: 300). */
  images?: number;
}

/**
 * Writes the version that an alias names, and the first test images, to a folder. The paths are the bucket's keys without their
 * prefix. Every file is checked against its SHA-256 first. If the bucket has no test set, none is written.
 *
 * @returns the version. `null`: the bucket has no such alias, and the folder is unchanged
 * @throws {Error} if an object is missing or corrupt
 */
export async function writeSnapshot(options: SnapshotOptions): Promise<string | null> {
  const { read, prefix, model, alias, folder } = options;
  const from = bucketLayout(prefix);
  const aliasBytes = await read(from.alias(model, alias));
  if (aliasBytes === null) return null;
  // Static assets are public, and the alias's history says who moved it.
  const {
    version,
    updatedAt,
    previous,
    signature: aliasSignature,
  } = parse(aliasSchema, aliasBytes);
  const publicAlias = { version, updatedAt, previous, signature: aliasSignature };
  const manifestBytes = await get(read, from.manifest(model, version));
  const manifest = parse(manifestSchema, manifestBytes);
  const to = bucketLayout();
  const files = new Map([
    [to.alias(model, alias), toJsonBytes(publicAlias)],
    [to.manifest(model, version), manifestBytes],
  ]);
  const signature = await read(from.signature(model, version));
  if (signature) files.set(to.signature(model, version), signature);
  for (const file of manifest.files) {
    const bytes = await checked(read, from.versionFile(model, version, file.path), file);
    files.set(to.versionFile(model, version, file.path), bytes);
  }
  for (const [key, bytes] of await testSetFiles(options)) files.set(key, bytes);

  for (const part of ['models', 'datasets']) {
    await rm(join(folder, part), { recursive: true, force: true });
  }
  for (const [key, bytes] of files) {
    await mkdir(dirname(join(folder, key)), { recursive: true });
    await writeFile(join(folder, key), bytes);
  }
  return version;
}

async function testSetFiles({ read, prefix, dataset, images: wanted = 300 }: SnapshotOptions) {
  const from = bucketLayout(prefix);
  const described = await read(from.datasetFile(dataset, 'dataset.json'));
  if (described === null) return [];
  const info = parse(datasetInfoSchema, described);
  const readFile = async (path: 'test-images.idx' | 'test-labels.idx') => {
    const key = from.datasetFile(dataset, path, info.hash);
    const file = info.files.find((each) => each.path === path);
    return file ? checked(read, key, file) : get(read, key);
  };
  const images = await readFile('test-images.idx');
  const all = parseImageSet('test', info, images, await readFile('test-labels.idx'));
  const test = first(all, Math.min(wanted, all.count));
  const { height, width, channels = 1, labels } = info;
  const { files, info: carried } = describeTestSet({
    name: dataset,
    height,
    width,
    channels,
    labels,
    test,
  });
  const to = bucketLayout();
  return [
    [to.datasetFile(dataset, 'dataset.json'), files['dataset.json']],
    [to.datasetFile(dataset, 'test-images.idx', carried.hash), files['test-images.idx']],
    [to.datasetFile(dataset, 'test-labels.idx', carried.hash), files['test-labels.idx']],
  ] as const;
}

function first({ images, labels, count }: ImageSet, wanted: number): ImageSet {
  const bytes = (images.length / count) * wanted;
  return { images: images.slice(0, bytes), labels: labels.slice(0, wanted), count: wanted };
}

const parse = <Schema extends z.ZodMiniType>(schema: Schema, bytes: Uint8Array) =>
  schema.parse(JSON.parse(new TextDecoder().decode(bytes)));

async function get(read: SnapshotOptions['read'], key: string): Promise<Uint8Array> {
  const bytes = await read(key);
  if (bytes) return bytes;
  throw new Error(
    `The bucket lacks ${key}, so the snapshot can't be refreshed. Publish the model again.`,
  );
}

async function checked(
  read: SnapshotOptions['read'],
  key: string,
  { bytes: length, sha256 }: PublishedFile,
): Promise<Uint8Array> {
  const bytes = await get(read, key);
  if (bytes.byteLength === length && hash('sha256', bytes) === sha256) return bytes;
  throw new Error(
    `${key} is corrupt, so the snapshot can't be refreshed. Publish the model again.`,
  );
}
