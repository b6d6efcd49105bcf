/** Opens data sets of every place: those of trainer/data, and folders in a bucket. */
import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as z from 'zod';
import { defaultCacheFolder, writeAtomically } from '../../node/files.ts';
import { type Dataset, InvalidDatasetError } from '../data/dataset.ts';
import { type LoadDatasetOptions, loadDataset } from '../data/load-dataset.ts';
import { type BucketSettings, bucketUrlSchema, splitUrl } from './bucket-location.ts';
import { downloadFolder } from './download-folder.ts';

/** How to connect to the bucket of a data set (default: as the environment says). */
export type DatasetConnection = Pick<
  BucketSettings,
  'endpoint' | 'region' | 'pathStyle' | 'profile'
>;

export const isInBucket = (dataset: string): boolean => dataset.startsWith('s3://');

/** The largest data set, and what all in the cache may have together. */
const maxBytes = 2 ** 36;
const maxFiles = 1_000_000;

/**
 * Loads a data set as `loadDataset` does, or the folder in a bucket whose s3:// URL is given. That is downloaded into the cache first;
 * only what has changed since the last time is downloaded again.
 *
 * @throws {InvalidDatasetError} if the URL is invalid, or what is there is not a data set
 * @throws {StoreError} if the bucket can't be used
 */
export async function openDataset(
  options: LoadDatasetOptions,
  connection: DatasetConnection = {},
): Promise<Dataset> {
  const { dataset: url = '', dataDir } = options;
  if (!isInBucket(url) || dataDir !== undefined) return loadDataset(options);
  const folder = await downloadDataset(url, options, connection);
  try {
    return { ...(await loadDataset({ ...options, dataset: folder })), origin: url, source: url };
  } catch (error) {
    if (!(error instanceof InvalidDatasetError)) throw error;
    throw new InvalidDatasetError(error.message.replaceAll(folder, url), { cause: error });
  }
}

/** Downloads the folder of an s3:// URL into the cache. Returns the path of its copy, and other paths as they are. */
export const localFolder = async (
  place: string,
  options: LoadDatasetOptions,
  connection: DatasetConnection,
): Promise<string> => (isInBucket(place) ? downloadDataset(place, options, connection) : place);

/** @returns a folder that has the name of the last part of the URL */
async function downloadDataset(
  url: string,
  { cacheDir = defaultCacheFolder(), onProgress = () => {}, signal }: LoadDatasetOptions,
  connection: DatasetConnection,
): Promise<string> {
  const checked = bucketUrlSchema.safeParse(url);
  const { bucket: bucketName, prefix } = splitUrl(url);
  if (!checked.success || prefix.split('/').some((part) => part.startsWith('.'))) {
    throw new InvalidDatasetError(
      `There is no data set ${url}: write s3://bucket/prefix, the place of its folder in a bucket.`,
    );
  }
  // The AWS SDK takes 30 MiB, so only data sets in a bucket load it.
  const { openBucket } = await import('./bucket.ts');
  const bucket = openBucket({ ...connection, url, signal });
  const place = createHash('sha256').update(`${await bucket.place()} ${bucketName}/${prefix}`);
  const buckets = join(cacheDir, 'buckets');
  const entry = join(buckets, place.digest('hex').slice(0, 32));
  const folder = join(entry, 'files', basename(prefix) || bucketName);
  const scratch = join(entry, 'incomplete');
  await removeAbandoned(scratch);
  await markUsed(entry, { url, files: 0, bytes: 0 });
  const limits = { maxFiles, maxBytes };
  const options = { ...limits, scratch, onProgress, signal };
  const { files, bytes, downloaded } = await downloadFolder(bucket, prefix, folder, options);
  await markUsed(entry, { url, files, bytes });
  if (downloaded > 0) await pruneDatasets(buckets, limits);
  return folder;
}

/** A time after which no process is still writing or reading. */
const idleMs = 3_600_000;

/** Removes the files that processes left when they were killed while writing. */
async function removeAbandoned(scratch: string): Promise<void> {
  for (const name of await readdir(scratch).catch(() => [])) {
    const path = join(scratch, name);
    const stats = await stat(path).catch(() => null);
    // A file has the object's time just before it is complete, but its status changes then.
    if (stats && Date.now() - stats.ctimeMs > idleMs) await rm(path, { force: true });
  }
}

/** The record of a data set in the cache. The time of the file is that of its last use. */
const recordSchema = z.object({ url: z.string(), files: z.int(), bytes: z.number() });
const recordFile = 'dataset.json';

/** Records a data set's size and use. A size of 0 is not known yet, and keeps an earlier one. */
async function markUsed(entry: string, record: z.output<typeof recordSchema>): Promise<void> {
  const path = join(entry, recordFile);
  const now = new Date();
  const isKnown = record.files === 0 && (await stat(path).catch(() => null)) !== null;
  if (isKnown) await utimes(path, now, now);
  else await writeAtomically(path, JSON.stringify(record));
}

/** Removes the data sets that have not been used for the longest time, while all have too many bytes or files. */
export async function pruneDatasets(
  buckets: string,
  limits: { maxFiles: number; maxBytes: number },
  now = Date.now(),
): Promise<void> {
  const entries = await Promise.all(
    (await readdir(buckets)).map(async (name) => {
      const path = join(buckets, name);
      try {
        const { mtimeMs } = await stat(join(path, recordFile));
        const text = await readFile(join(path, recordFile), 'utf8');
        return { path, mtimeMs, ...recordSchema.parse(JSON.parse(text)) };
      } catch {
        return { path, mtimeMs: 0, files: 0, bytes: 0 };
      }
    }),
  );
  entries.sort((one, other) => one.mtimeMs - other.mtimeMs);
  let files = entries.reduce((sum, entry) => sum + entry.files, 0);
  let bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  for (const entry of entries) {
    const isSmall = files <= limits.maxFiles && bytes <= limits.maxBytes;
    // Another process may be reading it.
    if (isSmall || now - entry.mtimeMs < idleMs) return;
    await rm(entry.path, { recursive: true, force: true });
    files -= entry.files;
    bytes -= entry.bytes;
  }
}
