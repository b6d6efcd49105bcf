import * as z from 'zod/mini';
import { modelSpecSchema } from '../model/model-spec.ts';
import { aliasNameSchema, versionSchema } from '../model/names.ts';

/** A model's newest versions and its aliases in the bucket. */
export const modelListSchema = z.object({
  name: modelSpecSchema.shape.name,
  /** Newest first. */
  versions: z.array(
    z.object({
      version: versionSchema,
      /** Null, like the metrics, if the manifest is corrupt or lacks a required signature. */
      createdAt: z.nullable(z.iso.datetime()),
      metrics: z.nullable(z.object({ accuracy: z.number(), loss: z.number() })),
      /** The aliases that name this version. */
      aliases: z.array(aliasNameSchema),
    }),
  ),
  aliases: z.array(
    z.object({
      name: aliasNameSchema,
      version: versionSchema,
      updatedAt: z.iso.datetime(),
      /** The target of a rollback. */
      previous: z.nullable(versionSchema),
    }),
  ),
  /** Whether older versions or further aliases exist. */
  truncated: z.boolean(),
});

export type ModelList = z.infer<typeof modelListSchema>;
