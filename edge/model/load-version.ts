import * as z from 'zod';
import type { BucketLayout } from '../../shared/bucket-layout.ts';
import { type Manifest, manifestSchema, type PublishedFile } from '../../shared/manifest.ts';
import { sha256 } from '../sha256.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { checkSignature } from './check-signature.ts';
import { createModel, type LoadedModel } from './loaded-model.ts';
import { ModelError } from './model-error.ts';

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
            quantization: z.looseObject({ dtype: z.literal('float16') }).exactOptional(),
          }),
        ),
      }),
    )
    .min(1),
});

export interface VersionSource {
  store: ObjectStore;
  layout: BucketLayout;
  /** The model's name. */
  name: string;
  /** Ed25519, 32 bytes each: one of them must have signed a version's manifest. Where there are none, nobody need have. */
  publicKeys: readonly Uint8Array<ArrayBuffer>[];
}

/** Brings a published version into memory, ready to predict. */
export type LoadVersion = (source: VersionSource, version: string) => Promise<LoadedModel>;

/**
 * Reads the manifest and its signature, checks every file's length and SHA-256 against it, builds the model and has it
 * predict once.
 *
 * @throws {ModelError} `bad_model` where anything of that fails
 * @throws {StoreError} where the store can't be asked
 */
export const loadVersion: LoadVersion = async (source, version) => {
  const manifest = await readManifest(source, version);
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const file of manifest.files) {
    files.set(file.path, await readFile(source, version, file));
  }
  const fileOf = (path: string) => {
    const bytes = files.get(path);
    if (bytes) return bytes;
    throw new ModelError('bad_model', `The manifest of version ${version} lists no ${path}.`);
  };

  const json = parse(fileOf('model.json'), modelJsonSchema, `model.json of version ${version}`);
  const weights = json.weightsManifest.flatMap((group) => group.paths.map(fileOf));
  return createModel({
    manifest,
    topology: json.modelTopology,
    weightSpecs: json.weightsManifest.flatMap((group) => group.weights),
    weights: await new Blob(weights).arrayBuffer(),
  });
};

async function readManifest(source: VersionSource, version: string): Promise<Manifest> {
  const { store, layout, name, publicKeys } = source;
  const object = await store.get(layout.manifest(name, version));
  if (object === null) {
    throw new ModelError('bad_model', `There is no version ${version}: it has no manifest.json.`);
  }
  if (publicKeys.length > 0) {
    const signature = await store.get(layout.signature(name, version));
    await checkSignature(version, object.bytes, signature?.bytes ?? null, publicKeys);
  }
  const manifest = parse(object.bytes, manifestSchema, `manifest.json of version ${version}`);
  if (manifest.version !== version || manifest.name !== name) {
    throw new ModelError(
      'bad_model',
      `The manifest of ${name} ${version} is that of ${manifest.name} ${manifest.version}.`,
    );
  }
  return manifest;
}

async function readFile(source: VersionSource, version: string, file: PublishedFile) {
  const { store, layout, name } = source;
  const object = await store.get(layout.versionFile(name, version, file.path));
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

function parse<Output>(bytes: Uint8Array, schema: z.ZodType<Output>, what: string): Output {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch (cause) {
    throw new ModelError('bad_model', `${what} is not JSON: ${cause}.`, { cause });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new ModelError('bad_model', `${what} is wrong:\n${z.prettifyError(result.error)}`, {
    cause: result.error,
  });
}
