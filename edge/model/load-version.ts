import * as z from 'zod/mini';
import type { PublishedFile } from '../../shared/registry/manifest.ts';
import type { StoredObject } from '../../shared/registry/object-store.ts';
import { ModelError } from '../errors.ts';
import { parsePublished, sha256 } from '../store/published.ts';
import { createModel, type LoadedModel } from './loaded-model.ts';
import { readManifest, type VersionSource } from './read-manifest.ts';

/** The parts of model.json that are used here; TensorFlow.js checks the topology itself. */
const modelJsonSchema = z.object({
  modelTopology: z.record(z.string(), z.unknown()),
  weightsManifest: z
    .array(
      z.object({
        paths: z.array(z.string()),
        weights: z.array(
          z.looseObject({
            name: z.string(),
            shape: z.array(z.int()),
            dtype: z.literal('float32'),
            /** Half precision in the file; TensorFlow.js turns it into float32. */
            quantization: z.exactOptional(z.looseObject({ dtype: z.literal('float16') })),
          }),
        ),
      }),
    )
    .check(z.minLength(1)),
});

/** Brings a published version into memory, ready to predict. */
export type LoadVersion = (source: VersionSource, version: string) => Promise<LoadedModel>;

/**
 * Reads the manifest and its signature, checks every file's length and SHA-256 against it, builds the model and has it
 * predict once.
 *
 * @throws {ModelError} `bad_model` where anything of that fails, `version_not_found` where there is no manifest
 * @throws {StoreError} where the store can't be asked
 */
export const loadVersion: LoadVersion = async (source, version) => {
  const early = askEarly(source, version);
  const manifest = await readManifest(source, version);
  const files = new Map(
    await Promise.all(
      manifest.files.map(async (file) => {
        const object = await (early.get(file.path) ?? getFile(source, version, file.path));
        return [file.path, await check(object, version, file)] as const;
      }),
    ),
  );
  const fileOf = (path: string) => {
    const bytes = files.get(path);
    if (bytes) return bytes;
    throw new ModelError('bad_model', `The manifest of version ${version} lists no ${path}.`);
  };

  const json = parsePublished(
    fileOf('model.json'),
    modelJsonSchema,
    `model.json of version ${version}`,
  );
  const weights = json.weightsManifest.flatMap((group) => group.paths.map(fileOf));
  return createModel({
    manifest,
    topology: json.modelTopology,
    weightSpecs: json.weightsManifest.flatMap((group) => group.weights),
    weights: join(weights),
  });
};

/** The files that every version has are asked for beside the manifest, which says whether they are right. */
function askEarly(source: VersionSource, version: string) {
  const asked = new Map(
    ['model.json', 'weights.bin'].map((path) => [path, getFile(source, version, path)] as const),
  );
  // Where the manifest fails first, nobody waits for them.
  for (const object of asked.values()) object.catch(() => {});
  return asked;
}

const getFile = ({ store, layout, name }: VersionSource, version: string, path: string) =>
  store.get(layout.versionFile(name, version, path));

/** One file is taken as it is, without a copy. */
function join(parts: Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
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

async function check(object: StoredObject | null, version: string, file: PublishedFile) {
  if (object === null) {
    throw new ModelError('bad_model', `Version ${version} lacks its file ${file.path}.`);
  }
  const { bytes } = object;
  if (bytes.byteLength !== file.bytes) {
    throw new ModelError(
      'bad_model',
      `${file.path} of version ${version} has ${bytes.byteLength} bytes, its manifest says ${file.bytes}.`,
    );
  }
  const hash = await sha256(bytes);
  if (hash !== file.sha256) {
    throw new ModelError(
      'bad_model',
      `${file.path} of version ${version} is damaged: its SHA-256 is ${hash}, its manifest says ${file.sha256}.`,
    );
  }
  return bytes;
}
