import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MissingFileError } from './errors.ts';
import type { DatasetSource } from './source.ts';
import { isGzip } from './unpack-file.ts';

/** A folder on this machine with the files, each as `.gz` or uncompressed. */
export function folderSource(folder: string, description = folder): DatasetSource {
  return {
    description,
    remote: false,
    async read(files, accept, signal) {
      // One bad file must not hide the good ones: only what is wrong is fetched elsewhere.
      const errors: unknown[] = [];
      for (const file of files) {
        signal?.throwIfAborted();
        try {
          const { path, bytes } = await readEither(folder, file.name);
          await accept(file, bytes, path);
          // What was unpacked is a copy. V8 would keep the 26 MB for as long as a training runs, which leaves it little to collect.
          if (isGzip(bytes)) bytes.buffer.transfer(0);
        } catch (error) {
          errors.push(error);
        }
      }
      const worst = errors.find((error) => !(error instanceof MissingFileError)) ?? errors[0];
      if (worst !== undefined) throw worst;
    },
  };
}

/**
 * Reads a file that is there as `.gz` or uncompressed.
 *
 * @throws {MissingFileError} where neither is
 */
export async function readEither(folder: string, name: string) {
  for (const path of [join(folder, `${name}.gz`), join(folder, name)]) {
    try {
      return { path, bytes: await readFile(path) };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    }
  }
  throw new MissingFileError(folder, name);
}
