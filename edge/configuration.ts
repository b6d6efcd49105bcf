import * as z from 'zod/mini';
import { aliasNameSchema, modelNameSchema } from '../shared/registry/bucket-layout.ts';
import { apiTokensSchema } from './http/api-tokens.ts';
import { corsOriginsSchema } from './http/cors.ts';
import { inEnglish } from './input/json.ts';
import { publicKeysSchema } from './model/signature.ts';
import { s3SettingsSchema } from './store/s3-settings.ts';
import { logLevelSchema } from './telemetry/request-log.ts';

/** The Worker's variables, as wrangler.toml and the dashboard set them: all are strings. */
const variablesSchema = z.pipe(
  z.object({
    MODEL_NAME: z._default(modelNameSchema, 'fashion-mnist-cnn'),
    MODEL_ALIAS: z._default(aliasNameSchema, 'production'),
    DATASET_NAME: z._default(
      z.string().check(z.regex(/^[a-z0-9][a-z0-9-]{0,63}$/)),
      'fashion-mnist',
    ),
    ALIAS_POLL_SECONDS: z._default(z.coerce.number().check(z.minimum(0), z.maximum(3600)), 2),
    BUCKET_PREFIX: z._default(
      z.string().check(z.regex(/^$|\/$/, 'is empty or ends with a slash')),
      '',
    ),
    CANARY_ALIAS: z._default(z.union([z.literal(''), aliasNameSchema]), ''),
    CANARY_PERCENT: z._default(z.coerce.number().check(z.minimum(0), z.maximum(100)), 0),
    MODELS_MEGABYTES: z._default(z.coerce.number().check(z.minimum(0), z.maximum(64)), 24),
    MODEL_PUBLIC_KEY: z.prefault(publicKeysSchema, ''),
    API_TOKENS: z.prefault(apiTokensSchema, ''),
    LOG_LEVEL: z._default(logLevelSchema, 'error'),
    CORS_ORIGINS: z.prefault(corsOriginsSchema, ''),
    FEEDBACK: z._default(z.enum(['', 'off', 'on']), ''),
  }),
  z.transform((variables) => ({
    modelName: variables.MODEL_NAME,
    alias: variables.MODEL_ALIAS,
    /** The alias that a share of the clients is answered with. */
    canary:
      variables.CANARY_ALIAS === ''
        ? null
        : { alias: variables.CANARY_ALIAS, percent: variables.CANARY_PERCENT },
    /** What the weights of the models in memory may take together. */
    maxModelBytes: variables.MODELS_MEGABYTES * 1e6,
    datasetName: variables.DATASET_NAME,
    /** How old the last look at the bucket may grow before it is looked at again. */
    pollMilliseconds: variables.ALIAS_POLL_SECONDS * 1000,
    /** Put before every key in the bucket. */
    bucketPrefix: variables.BUCKET_PREFIX,
    /** Who may have signed a model; nobody need have where it is empty. */
    publicKeys: variables.MODEL_PUBLIC_KEY,
    /** What opens POST, /metrics and /drift; where there are none, everybody may. */
    apiTokens: variables.API_TOKENS,
    /** Which requests are logged. */
    logLevel: variables.LOG_LEVEL,
    /** Whose scripts may read the answers. */
    corsOrigins: variables.CORS_ORIGINS,
    /** Whether predictions have ids, and POST /feedback takes their true labels. */
    feedback: variables.FEEDBACK === 'on',
  })),
);

const configurationSchema = z.intersection(variablesSchema, s3SettingsSchema);

export type Configuration = z.infer<typeof configurationSchema>;

/**
 * @param env the Worker's bindings and variables; what it holds besides is left alone
 * @throws {Error} that names every variable that is wrong
 */
export function parseConfiguration(env: object): Configuration {
  const result = z.safeParse(configurationSchema, env, { error: inEnglish });
  if (result.success) return result.data;
  throw new Error(`The Worker's variables are wrong:\n${z.prettifyError(result.error)}`);
}
