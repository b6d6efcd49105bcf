import * as z from 'zod/mini';
import { versionSchema } from '../../shared/registry/bucket-layout.ts';
import { fileSchema } from '../../shared/registry/manifest.ts';
import { modelListSchema } from '../../shared/registry/model-list.ts';
import { choosingHeaders, choosingQuery, modelProblems } from './choosing.ts';
import { operation } from './operation.ts';
import { servedManifestSchema } from './schemas.ts';

export const servedModel = operation({
  method: 'get',
  path: '/model',
  id: 'servedModel',
  tag: 'Models',
  summary: 'The manifest being served, and the alias that names it',
  answers: {
    200: {
      description: 'What the model is, how it was trained, and how well it does.',
      content: { 'application/json': { schema: servedManifestSchema } },
    },
  },
  parameters: { query: choosingQuery, header: choosingHeaders },
  problems: ['bad_parameter', ...modelProblems],
  curl: '',
});

export const listModels = operation({
  method: 'get',
  path: '/models',
  id: 'listModels',
  tag: 'Models',
  summary: 'The versions and aliases in the bucket, the newest first',
  answers: {
    200: {
      description: 'Up to 20 versions and 8 aliases.',
      content: { 'application/json': { schema: modelListSchema } },
    },
  },
  problems: ['store_failed'],
  curl: '',
});

export const versionFile = operation({
  method: 'get',
  path: '/models/{version}/{file}',
  id: 'versionFile',
  tag: 'Models',
  summary: 'A file of a version, as it was published',
  description:
    'The manifest and the files that it lists: any TensorFlow.js program loads `tf.loadLayersModel("…/models/<version>/model.json")`.',
  parameters: {
    path: {
      version: {
        schema: versionSchema,
        description: 'A version, as `model.version` of an answer names it.',
        example: '20261124T101500Z-3fa9c1d2',
      },
      file: {
        schema: fileSchema.shape.path,
        description: 'Such as model.json, weights.bin, manifest.json.',
        example: 'model.json',
      },
    },
  },
  answers: {
    200: {
      description: 'The file, which never changes.',
      content: {
        'application/json': { schema: z.record(z.string(), z.unknown()) },
        'application/octet-stream': {},
      },
    },
  },
  problems: ['not_found', 'version_not_found', 'bad_model', 'store_failed'],
  curl: ' --output model.json',
});
