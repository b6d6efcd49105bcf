import type { KnownFile } from './known-datasets.ts';

/** Takes a file's bytes, as `.gz` or uncompressed; `origin` is its path or URL. Throws where they are wrong. */
export type AcceptFile = (file: KnownFile, bytes: Uint8Array, origin: string) => Promise<void>;

/** A place that may hold a data set's files. */
export interface DatasetSource {
  /** Where it looks, for people. */
  description: string;
  /** It uses the network: skipped offline, and what it gives is kept in the cache. */
  remote: boolean;
  /**
   * Hands over as many of the files as it has.
   *
   * @throws where a file is missing, can't be read or is not accepted, after what it could hand over
   */
  read(files: readonly KnownFile[], accept: AcceptFile, signal?: AbortSignal): Promise<void>;
}
