import { randomUUID } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';

/**
 * Writes a file in one step: readers see the old content or the complete new content, even if this process is killed.
 *
 * @param content text is written as UTF-8
 * @param signal cancels the write and leaves the file as it was
 */
export async function writeAtomically(
  path: string,
  content: string | Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const temporary = join(folder, `.${basename(path)}.${randomUUID()}.part`);
  try {
    await writeFile(temporary, content, { flush: true, signal });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    const { message, syscall, path: named } = error as NodeJS.ErrnoException;
    // Node does not name the file if the disk is full.
    if (syscall === undefined || named !== undefined) throw error;
    throw new Error(`${path} can't be written: ${message}`, { cause: error });
  }
}

/** A path does not name a file that can be read whole: it is a FIFO, a device or a folder, or the file is too large. */
export class FileKindError extends Error {
  override name = 'FileKindError';
}

/**
 * Reads a file that a folder contains, or the one that a link in it names. FIFOs and devices, which may have no end, are
 * refused without reading.
 *
 * @throws {FileKindError} if it is not a regular file, or has more than `maxBytes`
 */
export async function readRegularFile(
  path: string,
  maxBytes: number,
): Promise<Buffer<ArrayBuffer>> {
  // Synchronous: for small files, the thread pool's four tasks take ten times as long.
  // Without O_NONBLOCK, opening a FIFO waits for a writer. Windows has neither.
  const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const { size } = checkKind(fstatSync(file), maxBytes, 'regular files');
    // A file can grow while it is read: only its size at the start is read.
    const bytes = Buffer.allocUnsafeSlow(size);
    let length = 0;
    while (length < size) {
      const bytesRead = readSync(file, bytes, length, size - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(file);
  }
}

/**
 * Reads a file that the user has named, which may also be a pipe.
 *
 * @throws {FileKindError} if it is a folder, or has more than `maxBytes`
 */
export async function readNamedFile(path: string, maxBytes: number): Promise<Buffer> {
  const file = await open(path);
  try {
    checkKind(await file.stat(), maxBytes, 'all but folders');
    const parts: Buffer[] = [];
    let length = 0;
    // `end` is the last byte that is read: one more than the limit.
    for await (const part of file.createReadStream({ end: maxBytes, autoClose: false })) {
      parts.push(part);
      length += part.length;
    }
    if (length > maxBytes) throw new FileKindError(`it has more than ${maxBytes} bytes`);
    return Buffer.concat(parts);
  } finally {
    await file.close();
  }
}

function checkKind(
  stats: Stats,
  maxBytes: number,
  accepted: 'regular files' | 'all but folders',
): Stats {
  if (stats.isDirectory()) throw new FileKindError('it is a folder; name the files in it instead');
  if (accepted === 'regular files' && !stats.isFile()) {
    throw new FileKindError('it is not a regular file, but a pipe or a device');
  }
  if (stats.size > maxBytes) {
    throw new FileKindError(`it has ${stats.size} bytes; the maximum is ${maxBytes}`);
  }
  return stats;
}

/**
 * Returns the folder that caches data sets between runs. It follows the XDG base directory specification, which ignores
 * a relative XDG_CACHE_HOME: https://specifications.freedesktop.org/basedir-spec/latest/
 */
export function defaultCacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const configured = environment.XDG_CACHE_HOME;
  const base = configured && isAbsolute(configured) ? configured : join(homedir(), '.cache');
  return join(base, 'catwalk', 'datasets');
}
