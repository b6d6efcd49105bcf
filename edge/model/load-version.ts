import { type Manifest, modelJsonSchema } from '../../shared/registry/manifest.ts';
import { ModelError } from '../errors.ts';
import { parsePublished } from '../store/published.ts';
import { createModel, type LoadedModel } from './loaded-model.ts';
import { readManifest, type VersionSource } from './read-manifest.ts';
import { checkSizes, maxVersionBytes, readFile, requestFile } from './version-files.ts';

/** Loads a published version into memory, ready to predict. */
export type LoadVersion = (source: VersionSource, version: string) => Promise<LoadedModel>;

/**
 * Reads a version's manifest, checks the signature, the sizes and each file's SHA-256, builds the model and runs one
 * prediction.
 *
 * @throws {ModelError} `bad_model` if one of these fails, `version_not_found` if there is no manifest
 * @throws {StoreError} if the store can't be read
 */
export const loadVersion: LoadVersion = async (source, version) => {
  const checked = readManifest(source, version).then((manifest) => {
    checkSizes(manifest);
    return manifest;
  });
  const early = requestEarly(source, version, checked);
  const manifest = await checked;
  const files = new Map(
    await Promise.all(
      manifest.files.map(async (file) => {
        const bytes = await readFile(source, version, file, early.get(file.path));
        return [file.path, bytes] as const;
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

/**
 * Requests the files that every version has, without waiting for the manifest. Their content is read only when manifest and signature
 * are checked, and up to the length in the manifest.
 */
function requestEarly(source: VersionSource, version: string, checked: Promise<Manifest>) {
  const requested = new Map(
    ['model.json', 'weights.bin'].map((path) => {
      const limit = async () =>
        (await checked).files.find((file) => file.path === path)?.bytes ?? 0;
      return [path, requestFile(source, version, path, limit)] as const;
    }),
  );
  // If the manifest fails first, nothing awaits these promises.
  for (const object of requested.values()) object.catch(() => {});
  return requested;
}

/**
 * Does not copy if there is only one part.
 *
 * @throws {ModelError} `bad_model` if model.json names parts more than once, and they become too large
 */
function concatenate(parts: Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const [first] = parts;
  if (first && parts.length === 1 && first.byteOffset % 4 === 0) return first;
  const bytes = parts.reduce((length, part) => length + part.length, 0);
  if (bytes > maxVersionBytes) {
    throw new ModelError(
      'bad_model',
      `The weights that model.json names have ${bytes} bytes; the maximum is ${maxVersionBytes}.`,
    );
  }
  const joined = new Uint8Array(bytes);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}
