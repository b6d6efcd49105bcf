import type { Context } from 'hono';
import * as z from 'zod/mini';
import { aliasNameSchema, modelNameSchema, versionSchema } from '../../shared/model/names.ts';
import { servedModelSchema } from '../../shared/model/prediction.ts';
import { aliasSchema, fileSchema, manifestSchema } from '../../shared/registry/manifest.ts';
import { modelListSchema } from '../../shared/registry/model-list.ts';
import type { AppContext } from '../app-context.ts';
import { Problem } from '../errors.ts';
import { immutable, nameModel } from '../http/headers.ts';
import { modelChoice, modelName } from '../input/parameters.ts';
import { fromEither } from '../model/fallback.ts';
import { readManifestBytes } from '../model/read-manifest.ts';
import { readFile } from '../model/version-files.ts';
import { modelParameter, modelProblems, modelSelectors } from './contract.ts';
import { route } from './route.ts';

export const servedManifestSchema = z.object({
  /** Null if the request selected the version itself. */
  alias: z.nullable(
    z.extend(z.pick(aliasSchema, { version: true, updatedAt: true, previous: true }), {
      name: aliasNameSchema,
    }),
  ),
  manifest: manifestSchema,
  /** Present if the version is the one that the deployment carries, because the bucket could not answer. */
  source: servedModelSchema.shape.source,
});

const namesSchema = z.object({
  /** The Worker's own model, which answers requests that name none. */
  own: modelNameSchema,
  /** The models that requests may name, the Worker's own first. */
  models: z.array(modelNameSchema),
});

export const listModels = route(
  {
    id: 'listModels',
    tag: 'Models',
    summary: 'List versions and aliases',
    description: 'Lists the versions of a model in the bucket, the newest first, and its aliases.',
    parameters: { query: { model: modelParameter } },
    answers: {
      200: {
        description: 'Up to 20 versions and 8 aliases.',
        content: { 'application/json': { schema: modelListSchema } },
      },
    },
    problems: ['model_not_found', 'store_failed'],
    schemas: { Models: modelListSchema },
  },
  ({ catalogs, models, source }) =>
    async function getModels(context) {
      const name = modelName(context) ?? source.name;
      models.checkServed(name);
      return context.json(await catalogs.of(name).list());
    },
);

export const listModelNames = route(
  {
    id: 'listModelNames',
    tag: 'Models',
    summary: 'List the models',
    description:
      "Lists the models that requests may name: the Worker's own, and those of the bucket that `MODELS` allows. Lists the bucket at most once per `ALIAS_POLL_SECONDS`, and not at all if `MODELS` is empty.",
    answers: {
      200: {
        description: 'Their names.',
        content: { 'application/json': { schema: namesSchema } },
      },
    },
    problems: ['store_failed'],
    schemas: { ModelNames: namesSchema },
  },
  ({ catalogs, models, source, configuration }) =>
    async function getModelNames(context) {
      const own = source.name;
      const others = configuration.models.length > 0 ? await catalogs.names() : [];
      const served = [own, ...others.filter(models.mayServe)];
      return context.json({ own, models: Array.from(new Set(served)) });
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
      const answer = await models.withModel(reference, ({ model, alias, isSnapshot }) => {
        // The alias's history says who moved it and why. That is not public.
        const { name, version, updatedAt, previous } = alias ?? {};
        return {
          alias: alias && { name, version, updatedAt, previous },
          manifest: model.manifest,
          ...(isSnapshot && { source: 'snapshot' as const }),
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
      query: { model: modelParameter },
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
    problems: ['model_not_found', 'not_found', 'version_not_found', 'bad_model', 'store_failed'],
    curl: ' --output model.json',
  },
  openVersionFile,
);

function openVersionFile({ source, snapshot, models }: AppContext) {
  return async function getVersionFile(context: Context) {
    const { version = '', file = '' } = context.req.param();
    const missing = new Problem('not_found', `Version ${version} has no file ${file}.`);
    if (!versionSchema.safeParse(version).success) throw missing;
    const name = modelName(context) ?? source.name;
    models.checkServed(name);
    const content = await fromEither({ ...source, name }, snapshot, async (from) => {
      const { manifest, bytes } = await readManifestBytes(from, version);
      const { files, evaluation } = manifest;
      const listed = [...files, ...(evaluation ? [evaluation] : [])].find(
        ({ path }) => path === file,
      );
      if (!listed && file !== 'manifest.json') throw missing;
      return listed ? readFile(from, version, listed) : bytes;
    });
    return context.body(content, 200, {
      'content-type': file.endsWith('.json') ? 'application/json' : 'application/octet-stream',
      'cache-control': immutable,
    });
  };
}
