/** Test sets in the bucket: content-addressed folders, and dataset.json, which names the one that Workers serve. */
import { hash } from 'node:crypto';
import type { DatasetFile } from '../../shared/registry/bucket-layout.ts';
import {
  type DatasetInfo,
  datasetInfoSchema,
  type Manifest,
} from '../../shared/registry/manifest.ts';
import { type Dataset, imageLength } from '../data/dataset.ts';
import { idxFile, imageFile } from '../data/idx-folder.ts';
import { imagesBetween } from '../data/image-set.ts';
import { idxFileNames } from '../data/known-datasets.ts';
import { readAlias } from './aliases.ts';
import type { Bucket } from './bucket.ts';
import type { StoredFile } from './conditional-writes.ts';
import { RegistryError } from './errors.ts';
import { readJson, toJsonBytes } from './read-json.ts';
import { readManifest } from './versions.ts';

/** dataset.json comes last, because it makes the test set exist. */
const uploadOrder: readonly DatasetFile[] = ['test-images.idx', 'test-labels.idx', 'dataset.json'];

const cacheControl = 'public, max-age=31536000, immutable';
const contentTypeOf = (file: DatasetFile) =>
  file.endsWith('.json') ? 'application/json' : 'application/octet-stream';

/**
 * Uploads a data set's test set into the folder of its content. Files that are there already are verified, and replaced if
 * they are corrupt. Workers still serve the test set that they served before.
 *
 * @returns the files, in the order of their upload
 * @throws {StoreError} if the bucket can't be used
 */
export async function storeTestSet(bucket: Bucket, dataset: Dataset): Promise<StoredFile[]> {
  const { name } = dataset;
  const { info, files } = describeTestSet(dataset);
  const stored = uploadOrder.map((file) => ({
    key: bucket.layout.datasetFile(name, file, info.hash),
    bytes: files[file],
    options: { contentType: contentTypeOf(file), cacheControl },
  }));
  for (const { key, bytes, options } of stored) {
    const found = await bucket.get(key);
    if (found && Buffer.compare(found.bytes, bytes) === 0) continue;
    await bucket.put(key, bytes, options);
  }
  return stored;
}

/**
 * Uploads a data set's test set, and makes Workers serve it.
 *
 * @returns 'unchanged' if they did so already
 * @throws {StoreError} if the bucket can't be used
 */
export async function uploadTestSet(
  bucket: Bucket,
  dataset: Dataset,
): Promise<'uploaded' | 'unchanged'> {
  const { files } = describeTestSet(dataset);
  const key = bucket.layout.datasetFile(dataset.name, 'dataset.json');
  await storeTestSet(bucket, dataset);
  const served = await bucket.get(key);
  if (served && Buffer.compare(served.bytes, files['dataset.json']) === 0) return 'unchanged';
  await bucket.put(key, files['dataset.json'], servedOptions);
  return 'uploaded';
}

const servedOptions = { contentType: 'application/json', cacheControl: 'no-cache' };

/** The alias that decides about the served test set, if the model has it. */
const decisiveAlias = 'production';
const maxAttempts = 10;

/**
 * Makes Workers serve the test set that an alias's version was measured on, if the bucket has it. If the model has the alias
 * `production`, no other alias changes what is served.
 *
 * @throws {RegistryError} if other publishers changed the served test set at every attempt
 * @throws {StoreError} if the bucket can't be used
 */
export async function serveTestSetOf(
  bucket: Bucket,
  { name, alias }: { name: string; alias: string },
): Promise<void> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    // Reads the alias again after each write: another publisher may have moved it.
    const pointer = await readAlias(bucket, name, alias);
    const manifest = pointer && (await readManifest(bucket, name, pointer.value.version));
    const wanted = manifest && (await readTestSetOf(bucket, manifest));
    if (!wanted) return;
    const key = bucket.layout.datasetFile(wanted.value.name, 'dataset.json');
    const served = await bucket.get(key);
    if (served && Buffer.compare(served.bytes, wanted.bytes) === 0) return;
    if (served && alias !== decisiveAlias && (await readAlias(bucket, name, decisiveAlias))) return;
    if (served) await bucket.put(key, wanted.bytes, { ...servedOptions, ifMatch: served.etag });
    else await bucket.putIfAbsent(key, wanted.bytes, servedOptions);
  }
  throw new RegistryError(
    `The served test set of ${name} was changed by other publishers ${maxAttempts} times in a row. Upload the right one with \`catwalk data upload\`.`,
  );
}

/** Reads the description of the test set that a version was measured on, or returns null if the bucket does not have it. */
export async function readTestSetOf(bucket: Bucket, { dataset, model }: Manifest) {
  const hashes = testHashesOf(dataset);
  if (hashes === null) return null;
  const key = bucket.layout.datasetFile(
    dataset.name,
    'dataset.json',
    hashOf({ ...hashes, labels: model.labels }),
  );
  return readJson(bucket, key, datasetInfoSchema);
}

/** Returns the SHA-256 of the test images and labels that a version was measured on, or null if its manifest lacks them. */
export function testHashesOf({ files }: Manifest['dataset']) {
  const images = files[idxFileNames.testImages] ?? files['test-images.idx'];
  const ids = files[idxFileNames.testLabels] ?? files['test-labels.idx'];
  return images && ids ? { images, ids } : null;
}

/** Returns the name of a test set's folder, which depends on the content of its files and the names of its labels. */
const hashOf = ({
  images,
  ids,
  labels,
}: {
  images: string;
  ids: string;
  labels: readonly string[];
}) => hash('sha256', [images, ids, ...labels.map((label) => JSON.stringify(label))].join('\n'));

/** Bytes per range read: 78 kB, which costs about as much as a round trip. */
const chunkBytes = 78_400;

/**
 * Encodes a test set as it is stored: uncompressed IDX files, so that one range read gets an image, and their description, with
 * hashes that verify each range.
 */
export function describeTestSet(
  dataset: Pick<Dataset, 'name' | 'height' | 'width' | 'channels' | 'labels' | 'test'>,
): {
  info: DatasetInfo;
  files: Record<DatasetFile, Uint8Array>;
} {
  const { name, height, width, channels, labels, test } = dataset;
  const imageBytes = imageLength(dataset);
  const images = imageFile(dataset, test);
  const ids = idxFile([test.count], test.labels);
  const hashes = { images: hash('sha256', images), ids: hash('sha256', ids) };
  const perChunk = Math.max(1, Math.floor(chunkBytes / imageBytes));
  const info: DatasetInfo = datasetInfoSchema.parse({
    name,
    hash: hashOf({ ...hashes, labels }),
    images: test.count,
    height,
    width,
    ...(channels === 3 && { channels }),
    labels,
    files: [
      { path: 'test-images.idx', bytes: images.byteLength, sha256: hashes.images },
      { path: 'test-labels.idx', bytes: ids.byteLength, sha256: hashes.ids },
    ],
    chunks: {
      images: perChunk,
      sha256: Array.from({ length: Math.ceil(test.count / perChunk) }, (_, chunk) => {
        const end = Math.min((chunk + 1) * perChunk, test.count);
        return hash('sha256', imagesBetween(test, chunk * perChunk, end));
      }),
    },
  });
  const files = {
    'test-images.idx': images,
    'test-labels.idx': ids,
    'dataset.json': toJsonBytes(info),
  };
  return { info, files };
}
