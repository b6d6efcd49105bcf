import { modelJsonSchema, type PublishedFile } from '../../shared/registry/manifest.ts';
import type { StoredObject } from '../../shared/registry/object-store.ts';
import { ModelError } from '../errors.ts';
import { parsePublished, sha256 } from '../store/published.ts';
import { createModel, type LoadedModel } from './loaded-model.ts';
import { readManifest, type VersionSource } from './read-manifest.ts';

/** Loads a published version into memory, ready to predict. */
export type LoadVersion = (source: VersionSource, version: string) => Promise<LoadedModel>;

/**
 * Reads a version's manifest, checks the signature and each file's length and SHA-256, builds the model
 * and runs one prediction.
 *
 * @throws {ModelError} `bad_model` if one of these fails, `version_not_found` if there is no manifest
 * @throws {StoreError} if the store can't be read
 */
export const loadVersion: LoadVersion = async (source, version) => {
  const early = requestEarly(source, version);
  const manifest = await readManifest(source, version);
  const files = new Map(
    await Promise.all(
      manifest.files.map(async (file) => {
        const object = await (early.get(file.path) ?? getFile(source, version, file.path));
        return [file.path, await checkFile(object, version, file)] as const;
      }),
    ),
  );
  const fileOf = (path: string) => {
    const bytes = files.get(path);
    if (bytes) return bytes;
    throw new ModelError('bad_model', `The manifest of version ${version} lists no ${path}.`);
  };

  const what = `model.json of version ${version}`;
  const json = parsePublished(fileOf('model.json'), modelJsonSchema, what);
  const parts = json.weightsManifest.flatMap((group) => group.paths.map(fileOf));
  return createModel({
    manifest,
    topology: json.modelTopology,
    weightSpecs: json.weightsManifest.flatMap((group) => group.weights),
    weights: concatenate(parts),
  });
};

/** Requests the files that every version has, without waiting for the manifest, against which they are checked. */
function requestEarly(source: VersionSource, version: string) {
  const requested = new Map(
    ['model.json', 'weights.bin'].map((path) => [path, getFile(source, version, path)] as const),
  );
  // If the manifest fails first, nothing awaits these promises.
  for (const object of requested.values()) object.catch(() => {});
  return requested;
}

const getFile = ({ store, layout, name }: VersionSource, version: string, path: string) =>
  store.get(layout.versionFile(name, version, path));

/** Does not copy if there is only one part. */
function concatenate(parts: Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const [first] = parts;
  if (first && parts.length === 1 && first.byteOffset % 4 === 0) return first;
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

async function checkFile(object: StoredObject | null, version: string, file: PublishedFile) {
  const fail = (problem: string) => new ModelError('bad_model', problem);
  if (object === null) throw fail(`Version ${version} lacks its file ${file.path}.`);
  const { bytes } = object;
  if (bytes.byteLength !== file.bytes) {
    throw fail(
      `${file.path} of version ${version} has ${bytes.byteLength} bytes, but its manifest says ${file.bytes}.`,
    );
  }
  const hash = await sha256(bytes);
  if (hash === file.sha256) return bytes;
  throw fail(
    `${file.path} of version ${version} is corrupt: its SHA-256 is ${hash}, but its manifest says ${file.sha256}.`,
  );
}
