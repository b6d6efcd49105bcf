import { versionSchema } from '../../shared/registry/bucket-layout.ts';
import type { AppContext } from '../app-context.ts';
import { Problem } from '../errors.ts';
import { readManifest, type VersionSource } from '../model/read-manifest.ts';

const manifestFile = 'manifest.json';

/**
 * GET /models/:version/:file: what was published, as it was published, so that any TensorFlow.js program loads the served
 * model with `tf.loadLayersModel('…/models/<version>/model.json')`. Only the manifest and the files that it lists.
 */
export function getVersionFile(source: VersionSource) {
  return async function versionFile(context: AppContext) {
    const { version = '', file = '' } = context.req.param();
    if (!versionSchema.safeParse(version).success) throw nothing(version, file);
    const manifest = await readManifest(source, version);
    const { files, evaluation } = manifest;
    const listed = [...files, ...(evaluation ? [evaluation] : [])];
    if (file !== manifestFile && !listed.some(({ path }) => path === file)) {
      throw nothing(version, file);
    }
    const { store, layout, name } = source;
    const object = await store.get(layout.versionFile(name, version, file));
    if (object === null) throw nothing(version, file);
    return context.body(object.bytes, 200, {
      'content-type': file.endsWith('.json') ? 'application/json' : 'application/octet-stream',
      'cache-control': 'public, max-age=31536000, immutable',
    });
  };
}

const nothing = (version: string, file: string) =>
  new Problem('not_found', `There is no file ${file} of a version ${version}.`);
