import { MissingFileError } from './dataset.ts';
import { readIdxFile } from './idx-files.ts';
import type { KnownFile } from './known-datasets.ts';
import { isGzip } from './parse-dataset.ts';

/**
 * Receives a file from a source.
 *
 * @param bytes as `.gz` or uncompressed
 * @param origin the file's path or URL
 * @throws if the bytes are wrong
 */
export type AcceptFile = (file: KnownFile, bytes: Uint8Array, origin: string) => Promise<void>;

/** A place that may have a data set's files. Each kind has a factory: `folderSource`, `mirrorSource`, `debianSource`. */
export interface DatasetSource {
  /** The place, for people. */
  description: string;
  /** It uses the network: it is skipped offline, and its files are cached. */
  remote: boolean;
  /**
   * Passes on as many of the files as it has.
   *
   * @throws after those files, if another one is missing, can't be read or is not accepted
   */
  read(files: readonly KnownFile[], accept: AcceptFile, signal?: AbortSignal): Promise<void>;
}

/** A folder on this machine with the files, each as `.gz` or uncompressed. */
export function folderSource(folder: string, description = folder): DatasetSource {
  return {
    description,
    remote: false,
    async read(files, accept, signal) {
      // After a failure the other files are still read, so that only the missing ones are fetched elsewhere.
      const errors: unknown[] = [];
      for (const file of files) {
        signal?.throwIfAborted();
        try {
          const { path, bytes } = await readIdxFile(folder, file.name);
          await accept(file, bytes, path);
          // The unpacked file is a copy. V8 would keep these 26 MB during the whole training, which rarely collects garbage.
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
