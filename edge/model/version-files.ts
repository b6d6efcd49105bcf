import type { Manifest, PublishedFile } from '../../shared/registry/manifest.ts';
import {
  type MaxBytes,
  ObjectTooLargeError,
  type StoredObject,
  StoreError,
} from '../../shared/registry/object-store.ts';
import { ModelError } from '../errors.ts';
import { sha256 } from '../store/published.ts';
import type { VersionSource } from './read-manifest.ts';

/**
 * The bytes of a version's files together. A version takes about twice that in memory, and an isolate has 128 MB for the
 * version that is loaded and the one that is served.
 */
export const maxVersionBytes = 32 * 1024 * 1024;
/** A model has two files. Large ones of other programs come in parts of 4 MiB. */
const maxFiles = 16;

/** @throws {ModelError} `bad_model` if the files that a manifest lists are too many or too large to load */
export function checkSizes({ version, files }: Manifest): void {
  if (files.length > maxFiles) {
    throw new ModelError(
      'bad_model',
      `Version ${version} has ${files.length} files; the maximum is ${maxFiles}.`,
    );
  }
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  if (bytes > maxVersionBytes) {
    throw new ModelError(
      'bad_model',
      `The files of version ${version} have ${bytes} bytes; the maximum is ${maxVersionBytes}.`,
    );
  }
}

/**
 * Requests a file of a version, and reads it when `maxBytes` is known.
 *
 * @returns `null` if the file is absent
 */
export function requestFile(
  { store, layout, name }: VersionSource,
  version: string,
  path: string,
  maxBytes: MaxBytes,
): Promise<StoredObject | null> {
  return store.get(layout.versionFile(name, version, path), { maxBytes });
}

/**
 * Reads a file of a version, and checks it against the length and the SHA-256 in the manifest.
 *
 * @param request an earlier request of the file (default: sent now)
 * @throws {ModelError} `bad_model` if the file is missing, corrupt or too large
 * @throws {StoreError} if the store can't be read
 */
export async function readFile(
  source: VersionSource,
  version: string,
  { path, bytes: expected, sha256: expectedHash }: PublishedFile,
  request?: Promise<StoredObject | null>,
): Promise<Uint8Array<ArrayBuffer>> {
  const limit = Math.min(expected, maxVersionBytes);
  const sent = request ?? requestFile(source, version, path, limit);
  const fail = (problem: string, cause?: unknown) =>
    new ModelError('bad_model', problem, { cause });
  const object = await sent.catch((error) => {
    if (!(error instanceof StoreError && error.cause instanceof ObjectTooLargeError)) throw error;
    throw fail(
      `${path} of version ${version} is too large. Its manifest says ${expected} bytes: ${error.message}.`,
      error,
    );
  });
  if (object === null) throw fail(`Version ${version} lacks its file ${path}.`);
  const { bytes } = object;
  if (bytes.byteLength !== expected) {
    throw fail(
      `${path} of version ${version} has ${bytes.byteLength} bytes, but its manifest says ${expected}.`,
    );
  }
  const hash = await sha256(bytes);
  if (hash === expectedHash) return bytes;
  throw fail(
    `${path} of version ${version} is corrupt: its SHA-256 is ${hash}, but its manifest says ${expectedHash}.`,
  );
}
