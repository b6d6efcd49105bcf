import type * as z from 'zod/mini';
import type { Manifest, modelJsonSchema } from '../../shared/registry/manifest.ts';
import { Trouble, withModel } from './requests.ts';

/** The files of a version that TensorFlow.js loads. */
export interface ServedFiles {
  json: z.infer<typeof modelJsonSchema>;
  /** The files of weights, one after the other. */
  weights: ArrayBuffer;
}

/**
 * Loads a version's files from the Worker and checks them against the manifest.
 *
 * @throws {Trouble} if one does not load, or is corrupt
 */
export async function loadServedFiles({ version, files }: Manifest): Promise<ServedFiles> {
  const load = async (path: string) => {
    const response = await fetch(withModel(`models/${version}/${path}`));
    if (!response.ok) throw new Trouble('no_file', `${path} does not load`, response.statusText);
    const bytes = await response.arrayBuffer();
    await check(path, bytes, files.find((file) => file.path === path)?.sha256);
    return bytes;
  };
  const json: ServedFiles['json'] = JSON.parse(new TextDecoder().decode(await load('model.json')));
  const paths = json.weightsManifest.flatMap(({ paths }) => paths);
  return { json, weights: await new Blob(await Promise.all(paths.map(load))).arrayBuffer() };
}

/** Browsers provide hashes only over HTTPS and on localhost. */
async function check(path: string, bytes: ArrayBuffer, expected: string | undefined) {
  if (!globalThis.crypto?.subtle) return;
  const hash = await crypto.subtle.digest('SHA-256', bytes);
  const found = Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0'));
  if (found.join('') === expected) return;
  throw new Trouble('bad_file', `${path} is corrupt`, 'Its SHA-256 differs from the manifest’s.');
}
