import * as z from 'zod';
import { modelSpecSchema } from '../shared/model-spec.ts';
import { aliasNameSchema } from '../shared/version.ts';
import { publicKeysSchema } from './model/public-keys.ts';
import { s3SettingsSchema } from './store/s3-settings.ts';

/** The Worker's variables, as wrangler.toml and the dashboard set them: all are strings. */
const variablesSchema = z
  .object({
    MODEL_NAME: modelSpecSchema.shape.name.default('fashion-mnist-cnn'),
    MODEL_ALIAS: aliasNameSchema.default('production'),
    DATASET_NAME: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,63}$/)
      .default('fashion-mnist'),
    ALIAS_POLL_SECONDS: z.coerce.number().min(0).max(3600).default(2),
    BUCKET_PREFIX: z
      .string()
      .regex(/^$|\/$/, 'is empty or ends with a slash')
      .default(''),
    MODEL_PUBLIC_KEY: publicKeysSchema.prefault(''),
  })
  .transform((variables) => ({
    modelName: variables.MODEL_NAME,
    alias: variables.MODEL_ALIAS,
    datasetName: variables.DATASET_NAME,
    /** How old the last look at the bucket may grow before it is looked at again. */
    pollMilliseconds: variables.ALIAS_POLL_SECONDS * 1000,
    /** Put before every key in the bucket. */
    bucketPrefix: variables.BUCKET_PREFIX,
    /** Who may have signed a model; nobody need have where it is empty. */
    publicKeys: variables.MODEL_PUBLIC_KEY,
  }));

const configurationSchema = z.intersection(variablesSchema, s3SettingsSchema);

export type Configuration = z.infer<typeof configurationSchema>;

/**
 * @param env the Worker's bindings and variables; what it holds besides is left alone
 * @throws {Error} that names every variable that is wrong
 */
export function parseConfiguration(env: object): Configuration {
  const result = configurationSchema.safeParse(env);
  if (result.success) return result.data;
  throw new Error(`The Worker's variables are wrong:\n${z.prettifyError(result.error)}`);
}
