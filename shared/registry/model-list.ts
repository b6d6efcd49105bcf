import * as z from 'zod/mini';
import { modelSpecSchema } from '../model/model-spec.ts';
import { aliasNameSchema, versionSchema } from './bucket-layout.ts';

/** What the bucket holds of a model: its newest versions, and its aliases. */
export const modelListSchema = z.object({
  name: modelSpecSchema.shape.name,
  /** Newest first. */
  versions: z.array(
    z.object({
      version: versionSchema,
      /** Null, as the metrics are, where the version's manifest is damaged, or not signed though it has to be. */
      createdAt: z.nullable(z.iso.datetime()),
      metrics: z.nullable(z.object({ accuracy: z.number(), loss: z.number() })),
      /** Those that point at it. */
      aliases: z.array(aliasNameSchema),
    }),
  ),
  aliases: z.array(
    z.object({
      name: aliasNameSchema,
      version: versionSchema,
      updatedAt: z.iso.datetime(),
      /** What a rollback goes to. */
      previous: z.nullable(versionSchema),
    }),
  ),
  /** Whether there are older versions, or further aliases, than these. */
  truncated: z.boolean(),
});

export type ModelList = z.infer<typeof modelListSchema>;
