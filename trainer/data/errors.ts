/** A file exists, but its bytes fail the check against the known SHA-256. */
export class CorruptFileError extends Error {
  override name = 'CorruptFileError';
  readonly file: string;
  /** Of the uncompressed file or the `.gz`, whichever is known. */
  readonly expectedSha256: string;
  /** Of the same form, or null if the file can't be uncompressed. */
  readonly actualSha256: string | null;

  constructor(
    file: string,
    { sha256, hashedForm }: { sha256: string; hashedForm: 'uncompressed' | 'compressed' },
    actual: { sha256: string } | { unpackError: unknown },
  ) {
    const found =
      'sha256' in actual
        ? `it has ${actual.sha256}`
        : `it can't be unpacked (${messageOf(actual.unpackError)})`;
    super(`${file} is corrupt: expected SHA-256 ${sha256} (${hashedForm}), but ${found}`);
    this.file = file;
    this.expectedSha256 = sha256;
    this.actualSha256 = 'sha256' in actual ? actual.sha256 : null;
  }
}

/** A folder does not contain a file, neither compressed nor uncompressed. */
export class MissingFileError extends Error {
  override name = 'MissingFileError';

  constructor(folder: string, file: string) {
    super(`${folder} contains neither ${file}.gz nor ${file}.`);
  }
}

/** The content of a folder is not a data set that a network can learn. */
export class InvalidDatasetError extends Error {
  override name = 'InvalidDatasetError';
}

/** No source has all files of a data set. The message lists each source with the reason. */
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

/** Returns an error's message with that of its cause: `fetch` only says "fetch failed" and keeps the reason there. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
