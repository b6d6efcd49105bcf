import type { Context } from 'hono';
import * as z from 'zod/mini';
import { aliasNameSchema, versionSchema } from '../../shared/model/names.ts';
import { aliasSchema, fileSchema, manifestSchema } from '../../shared/registry/manifest.ts';
import { modelListSchema } from '../../shared/registry/model-list.ts';
import type { AppContext } from '../app-context.ts';
import { Problem } from '../errors.ts';
import { immutable, nameModel } from '../http/headers.ts';
import { modelChoice } from '../input/parameters.ts';
import { readManifestBytes } from '../model/read-manifest.ts';
import { readFile } from '../model/version-files.ts';
import { modelProblems, modelSelectors } from './contract.ts';
import { route } from './route.ts';

export const servedManifestSchema = z.object({
  /** Null if the request selected the version itself. */
  alias: z.nullable(
    z.extend(z.pick(aliasSchema, { version: true, updatedAt: true, previous: true }), {
      name: aliasNameSchema,
    }),
  ),
  manifest: manifestSchema,
});

export const listModels = route(
  {
    id: 'listModels',
    tag: 'Models',
    summary: 'List versions and aliases',
    description: 'Lists the versions in the bucket, the newest first, and the aliases.',
    answers: {
      200: {
        description: 'Up to 20 versions and 8 aliases.',
        content: { 'application/json': { schema: modelListSchema } },
      },
    },
    problems: ['store_failed'],
    schemas: { Models: modelListSchema },
  },
  ({ catalog }) =>
    async function getModels(context) {
      return context.json(await catalog.list());
    },
);

export const servedModel = route(
  {
    id: 'servedModel',
    tag: 'Models',
    summary: 'Get the manifest of the served model',
    description: 'Returns the manifest of the selected version, and the alias that led to it.',
    parameters: modelSelectors,
    answers: {
      200: {
        description: 'What the model is, how it was trained, and how accurate it is.',
        content: { 'application/json': { schema: servedManifestSchema } },
      },
    },
    problems: modelProblems,
    schemas: { ServedManifest: servedManifestSchema, Manifest: manifestSchema },
  },
  ({ models }) =>
    async function getModel(context) {
      const reference = await models.resolve(modelChoice(context), context.executionCtx);
      const answer = await models.withModel(reference, ({ model, alias }) => {
        // The alias's history says who moved it and why. That is not public.
        const { name, version, updatedAt, previous } = alias ?? {};
        return {
          alias: alias && { name, version, updatedAt, previous },
          manifest: model.manifest,
        };
      });
      nameModel(context, reference);
      return context.json(answer);
    },
);

export const versionFile = route(
  {
    id: 'versionFile',
    tag: 'Models',
    summary: 'Get a file of a version',
    description:
      'Returns the manifest, or a file that it lists, as it was published: its length and SHA-256 are checked first. Any TensorFlow.js program can load the model with `tf.loadLayersModel("…/models/<version>/model.json")`.',
    parameters: {
      path: {
        version: {
          schema: versionSchema,
          description: 'A version, such as `model.version` of a prediction.',
          example: '20261124T101500Z-3fa9c1d2',
        },
        file: {
          schema: fileSchema.shape.path,
          description: 'A file name, such as model.json, weights.bin or manifest.json.',
          example: 'model.json',
        },
      },
    },
    answers: {
      200: {
        description: 'The file. It never changes.',
        content: {
          'application/json': { schema: z.record(z.string(), z.unknown()) },
          'application/octet-stream': {},
        },
      },
    },
    problems: ['not_found', 'version_not_found', 'bad_model', 'store_failed'],
    curl: ' --output model.json',
  },
  openVersionFile,
);

function openVersionFile({ source }: AppContext) {
  return async function getVersionFile(context: Context) {
    const { version = '', file = '' } = context.req.param();
    const missing = new Problem('not_found', `Version ${version} has no file ${file}.`);
    if (!versionSchema.safeParse(version).success) throw missing;
    const { manifest, bytes } = await readManifestBytes(source, version);
    const { files, evaluation } = manifest;
    const listed = [...files, ...(evaluation ? [evaluation] : [])].find(
      ({ path }) => path === file,
    );
    if (!listed && file !== 'manifest.json') throw missing;
    const content = listed ? await readFile(source, version, listed) : bytes;
    return context.body(content, 200, {
      'content-type': file.endsWith('.json') ? 'application/json' : 'application/octet-stream',
      'cache-control': immutable,
    });
  };
}
