import * as z from 'zod/mini';
import { aliasNameSchema, versionSchema } from '../../shared/registry/bucket-layout.ts';

/** How a request says which model is to answer; every route that runs or shows one takes these. */
export const choosingQuery = {
  version: {
    schema: z.optional(versionSchema),
    description: 'This version, whatever the aliases name.',
  },
  alias: { schema: z.optional(aliasNameSchema), description: 'The version that this alias names.' },
} as const;

export const choosingHeaders = {
  'X-Catwalk-Alias': {
    schema: z.optional(aliasNameSchema),
    description: 'As `alias`, where neither that nor `version` is there.',
  },
  'X-Catwalk-Client': {
    schema: z.optional(z.string()),
    description: 'Who asks: where a share of the clients gets a canary, the same ones always do.',
  },
} as const;

/** What can be wrong with the model that was asked for. */
export const modelProblems = [
  ...(['alias_not_found', 'version_not_found'] as const),
  ...(['no_model', 'bad_model', 'store_failed'] as const),
] as const;
