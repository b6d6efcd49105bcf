import type { KnownFile } from './known-datasets.ts';

/** A file is there, but not with the bytes that it should have. */
export class CorruptFileError extends Error {
  override name = 'CorruptFileError';
  readonly file: string;
  /** Of the uncompressed bytes, or of the `.gz` where only that is known. */
  readonly expectedSha256: string;
  /** Of the same, or null where the file can't be uncompressed. */
  readonly actualSha256: string | null;

  constructor(
    file: string,
    known: Pick<KnownFile, 'sha256' | 'gzipSha256'>,
    actual: { sha256: string } | { unpackError: unknown },
  ) {
    const found =
      'sha256' in actual
        ? `has SHA-256 ${actual.sha256}`
        : `can't be unpacked (${messageOf(actual.unpackError)})`;
    const expected = known.sha256 ?? known.gzipSha256 ?? '';
    const form = known.sha256 === undefined ? 'compressed' : 'uncompressed';
    super(`${file} is corrupt: ${form} it should have SHA-256 ${expected}, but it ${found}`);
    this.file = file;
    this.expectedSha256 = expected;
    this.actualSha256 = 'sha256' in actual ? actual.sha256 : null;
  }
}

/** A folder does not hold a file. */
export class MissingFileError extends Error {
  override name = 'MissingFileError';
  readonly folder: string;
  readonly file: string;

  constructor(folder: string, file: string) {
    super(`${folder} holds neither ${file}.gz nor ${file}.`);
    this.folder = folder;
    this.file = file;
  }
}

/** What a folder holds is no data set that a network could learn. */
export class BadDatasetError extends Error {
  override name = 'BadDatasetError';
}

/** No source had the whole data set; the message lists each source with its cause. */
export class DatasetUnavailableError extends Error {
  override name = 'DatasetUnavailableError';
  readonly failures: readonly { source: string; cause: unknown }[];

  constructor(
    dataset: string,
    failures: readonly { source: string; cause: unknown }[],
    nextStep: string,
  ) {
    const tried = failures.map(({ source, cause }) => `  - ${source}: ${messageOf(cause)}`);
    super([`${dataset} could not be loaded. Tried:`, ...tried, nextStep].join('\n'));
    this.failures = failures;
  }
}

/** `fetch` hides why it failed ("fetch failed") in the cause of its error. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
