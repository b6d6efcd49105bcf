/** Copies the objects under a prefix of a bucket to a folder. What is there already is not copied again. */
import { hash, randomUUID } from 'node:crypto';
import {
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  statfs,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { InvalidDatasetError } from '../data/dataset.ts';
import type { Bucket, ListedObject } from './bucket.ts';
import { inPool } from './map-in-batches.ts';

interface DownloadFolderOptions {
  /** A folder on the same disk, for files that are not complete yet. */
  scratch: string;
  maxFiles: number;
  maxBytes: number;
  onProgress: (message: string) => void;
  signal?: AbortSignal | undefined;
}

interface DownloadedFolder {
  files: number;
  bytes: number;
  /** The number of files that were not there, or not the same. */
  downloaded: number;
}

interface RemoteFile extends ListedObject {
  path: string;
}

/** Requests at a time. */
const concurrency = 16;
/** Larger files are downloaded one at a time, because each is in memory as a whole. */
const largeBytes = 2 ** 24;
/** The largest file that a data set can have, as a whole in memory. */
const maxFileBytes = 2 ** 30;
const progressMs = 10_000;

/**
 * Makes a folder the same as the objects under a prefix. A file is current if it has the object's size and time, and the MD5 that most
 * stores' ETags are. Others are downloaded, and files without an object are removed. An interrupted download continues where it ended,
 * and processes that download at the same time share the work.
 *
 * @param prefix '' or ends with '/'
 * @throws {InvalidDatasetError} if there are no objects, too many, or too large ones, or one can't be a file
 * @throws {StoreError} if the bucket can't be used
 */
export async function downloadFolder(
  bucket: Bucket,
  prefix: string,
  folder: string,
  options: DownloadFolderOptions,
): Promise<DownloadedFolder> {
  const { scratch, maxFiles, onProgress, signal } = options;
  const listed = await bucket.listAll(prefix, maxFiles);
  if (listed.length > maxFiles) {
    throw new InvalidDatasetError(
      `${bucket.url} has more than ${maxFiles} objects. Name the prefix of one data set.`,
    );
  }
  const files = listed.flatMap((object) => fileOf(bucket, prefix, folder, object));
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  if (files.length === 0) {
    throw new InvalidDatasetError(
      `There is no data set ${bucket.url}: the bucket has no files there. Check the prefix.`,
    );
  }
  await mkdir(folder, { recursive: true });
  await removeOthers(
    folder,
    files.map(({ path }) => path),
  );
  const content: ContentCheck = { etagIsMd5: true };
  const missing: RemoteFile[] = [];
  await inPool(files, concurrency, signal, async (file) => {
    if (!(await isCurrent(file, content))) missing.push(file);
  });
  await checkSize(bucket, folder, bytes, missing, options);
  if (missing.length > 0) {
    onProgress(
      `Downloading ${missing.length} of ${files.length} files (${megabytes(missing)} MB) from ${bucket.url}`,
    );
  }
  await mkdir(scratch, { recursive: true });
  let done = 0;
  let reportedAt = performance.now();
  const download = async (file: RemoteFile) => {
    // Another process may have downloaded it in the meantime.
    if (!(await isCurrent(file, content))) {
      await writeFileOf(file, await contentOf(bucket, file, content), scratch);
    }
    done++;
    if (performance.now() - reportedAt < progressMs) return;
    reportedAt = performance.now();
    onProgress(`Downloaded ${done} of ${missing.length} files`);
  };
  const isLarge = (file: RemoteFile) => file.bytes > largeBytes;
  const small = missing.filter((file) => !isLarge(file));
  await inPool(small, concurrency, signal, download);
  await inPool(missing.filter(isLarge), 1, signal, download);
  return { files: files.length, bytes, downloaded: missing.length };
}

/** Returns the file for an object; none for a folder's own object, and for names that start with a dot, which no data set has. */
function fileOf(
  bucket: Bucket,
  prefix: string,
  folder: string,
  object: ListedObject,
): RemoteFile[] {
  const parts = object.key.slice(prefix.length).split('/');
  if (parts.at(-1) === '' || parts.some((part) => part.startsWith('.'))) return [];
  if (parts.some((part) => part === '' || /[\\\0]/.test(part))) {
    throw new InvalidDatasetError(
      `${object.key} in ${bucket.url} can't be a file, because of the characters in its key. Rename or delete the object.`,
    );
  }
  if (object.bytes > maxFileBytes) {
    throw new InvalidDatasetError(
      `${object.key} in ${bucket.url} has ${object.bytes} bytes; the maximum is ${maxFileBytes}.`,
    );
  }
  return [{ ...object, path: join(folder, ...parts) }];
}

async function checkSize(
  bucket: Bucket,
  folder: string,
  bytes: number,
  missing: readonly RemoteFile[],
  { maxBytes }: DownloadFolderOptions,
): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const needed = missing.reduce((sum, file) => sum + file.bytes, 0);
  const limit =
    bytes > maxBytes
      ? `the maximum is ${maxBytes}. Train on fewer or smaller images`
      : needed > bavail * bsize
        ? `${needed} of them are missing in ${folder}, whose disk has ${bavail * bsize} left. Make room, or set XDG_CACHE_HOME to a folder on another disk`
        : null;
  if (limit) throw new InvalidDatasetError(`${bucket.url} has ${bytes} bytes, and ${limit}.`);
}

/** A store's ETags may be the objects' MD5, as they are without encryption by keys of a key service. */
interface ContentCheck {
  etagIsMd5: boolean;
}

/** The ETags of objects that were uploaded in parts are not. */
const hasMd5 = ({ etag }: RemoteFile, { etagIsMd5 }: ContentCheck) =>
  etagIsMd5 && /^[0-9a-f]{32}$/.test(etag);

async function isCurrent(file: RemoteFile, content: ContentCheck): Promise<boolean> {
  const stats = await stat(file.path).catch(() => null);
  if (!stats?.isFile() || stats.size !== file.bytes) return false;
  // Some file systems keep whole seconds.
  if (Math.abs(stats.mtimeMs - file.modifiedAt.getTime()) >= 1000) return false;
  return !hasMd5(file, content) || hash('md5', await readFile(file.path)) === file.etag;
}

async function contentOf(
  bucket: Bucket,
  file: RemoteFile,
  content: ContentCheck,
): Promise<Uint8Array> {
  const bytes = await getWhole(bucket, file);
  if (!hasMd5(file, content) || hash('md5', bytes) === file.etag) return bytes;
  const again = await getWhole(bucket, file);
  if (hash('md5', again) === file.etag) return again;
  if (Buffer.compare(bytes, again) !== 0) {
    throw new Error(
      `${file.key} from ${bucket.url} is corrupt: its MD5 is not its ETag ${file.etag}. Try again.`,
    );
  }
  content.etagIsMd5 = false;
  return again;
}

async function getWhole(bucket: Bucket, { key, bytes }: RemoteFile): Promise<Uint8Array> {
  const stored = await bucket.get(key);
  if (stored?.bytes.length === bytes) return stored.bytes;
  const change = stored === null ? 'deleted' : 'changed';
  throw new Error(`${key} in ${bucket.url} was ${change} while it was downloaded. Try again.`);
}

/** Writes a file in one step. It is not flushed to the disk: damage by a crash is found by its MD5. */
async function writeFileOf(file: RemoteFile, bytes: Uint8Array, scratch: string): Promise<void> {
  const temporary = join(scratch, randomUUID());
  try {
    await writeFile(temporary, bytes);
    await utimes(temporary, file.modifiedAt, file.modifiedAt);
    await mkdir(dirname(file.path), { recursive: true });
    await rename(temporary, file.path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Removes the files and folders that are not among the paths, or on the way to one. */
async function removeOthers(folder: string, paths: readonly string[]): Promise<void> {
  const kept = new Set(paths);
  for (const path of paths) {
    for (let above = dirname(path); !kept.has(above); above = dirname(above)) {
      kept.add(above);
      if (above === folder) break;
    }
  }
  for (const { parentPath, name } of await readdir(folder, {
    recursive: true,
    withFileTypes: true,
  })) {
    const path = join(parentPath, name);
    if (!kept.has(path)) await rm(path, { recursive: true, force: true });
  }
}

const megabytes = (files: readonly RemoteFile[]) =>
  (files.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6).toFixed(1);
