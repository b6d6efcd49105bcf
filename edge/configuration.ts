import * as z from 'zod/mini';
import { aliasNameSchema, modelNameSchema } from '../shared/model/names.ts';
import { maxListed } from '../shared/registry/object-store.ts';
import { endpointFault, usesPathStyle } from '../shared/registry/s3-endpoint.ts';
import { inEnglish } from './json.ts';

/** Which requests are logged: `error` those with a 5xx, `warn` also those with a 4xx, `info` all. */
export const logLevels = ['off', 'error', 'warn', 'info'] as const;

/** 32 random bytes in hex have 64 characters. Tokens below this length could be guessed. */
const minTokenLength = 16;
/** The number of characters of 16 random bytes in hex. */
const minSecretLength = 32;

/**
 * The Worker's variables and secrets, with their defaults and descriptions. Every value is a string.
 * None is required: an absent or empty variable means its default.
 */
export const variablesSchema = z.object({
  MODEL_NAME: variable(modelNameSchema, 'fashion-mnist-cnn', 'The model to serve.'),
  MODELS: variable(
    z.pipe(z.string(), z.transform(parseModelNames)),
    '',
    'Further models of the bucket that requests may name, separated by commas, or * for all.',
  ),
  MODEL_ALIAS: variable(
    aliasNameSchema,
    'production',
    'The default alias: it answers requests that name neither an alias nor a version.',
  ),
  DATASET_NAME: variable(
    z.string().check(z.regex(/^[a-z0-9][a-z0-9-]{0,63}$/)),
    'fashion-mnist',
    'The data set whose test images are served.',
  ),
  ALIAS_POLL_SECONDS: variable(
    z.coerce.number().check(z.minimum(0), z.maximum(3600)),
    '2',
    'Seconds that an alias may go unchecked. After that, the next request triggers a check.',
  ),
  CANARY_ALIAS: setting(
    aliasNameSchema,
    'A second alias, which answers CANARY_PERCENT of clients.',
  ),
  CANARY_PERCENT: variable(
    z.coerce.number().check(z.minimum(0), z.maximum(100)),
    '0',
    'The share of clients that the canary alias answers, in percent.',
  ),
  MODELS_MEGABYTES: variable(
    z.coerce.number().check(z.minimum(0), z.maximum(64)),
    '24',
    'Megabytes for the weights of all models in memory. Those of MODEL_ALIAS and CANARY_ALIAS always stay.',
  ),
  SNAPSHOT: variable(
    z.enum(['on', 'off']),
    'on',
    'If on, the model that the deployment carries as static assets answers while the bucket is empty or does not answer.',
  ),
  BUCKET_PREFIX: variable(
    z.string().check(z.regex(/^$|\/$/, 'is empty or ends with a slash')),
    '',
    'A prefix for every key in the bucket. Ends with a slash.',
  ),
  MODEL_PUBLIC_KEY: variable(
    z.pipe(z.string(), z.transform(parsePublicKeys)),
    '',
    'Ed25519 public keys, PEM or base64, separated by commas. If set, one of them must have signed each served version and alias.',
  ),
  API_TOKENS: variable(
    z.pipe(z.string(), z.transform(parseTokens)),
    '',
    'A secret. Tokens, or name:token, separated by commas or spaces. If set, POST and GET /metrics need one.',
  ),
  CLIENT_ADDRESS_HEADER: variable(
    z.string().check(z.regex(/^[A-Za-z0-9-]{1,64}$/, 'is not a header name or none')),
    'CF-Connecting-IP',
    "The header with the client's address, which the proxy in front of the Worker must set. none: clients could forge it.",
  ),
  CORS_ORIGINS: variable(
    z.pipe(z.string(), z.transform(parseOrigins)),
    '',
    "Origins whose scripts may read answers, separated by commas, or *. Empty: only the Worker's own page.",
  ),
  FEEDBACK: variable(
    z.enum(['off', 'on', 'open']),
    'off',
    'If on, predictions have ids, and POST /feedback stores their true labels in the bucket for clients with one of API_TOKENS. If open, it does so even if API_TOKENS is not set.',
  ),
  FEEDBACK_SECRET: setting(
    z
      .string()
      .check(
        z.minLength(
          minSecretLength,
          `has fewer than ${minSecretLength} characters: make one with openssl rand -hex 32`,
        ),
      ),
    "A secret. Signs the ids of predictions: POST /feedback refuses ids that this Worker's secret has not signed.",
  ),
  FEEDBACK_DAYS: variable(
    z.coerce.number().check(z.int(), z.minimum(1), z.maximum(90)),
    '7',
    'How many days after a prediction POST /feedback accepts its signed id.',
  ),
  FEEDBACK_MAX_PER_DAY: variable(
    z.coerce.number().check(z.int(), z.minimum(1), z.maximum(maxListed)),
    '1000',
    'The maximum number of records that POST /feedback stores a day.',
  ),
  LOG_LEVEL: variable(
    z.enum(logLevels),
    'error',
    'Which requests are logged: error (5xx), warn (also 4xx), info (all) or off.',
  ),
  S3_BUCKET: setting(
    z.string().check(z.regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'is not a bucket name')),
    'A bucket of an S3-compatible store, which replaces the R2 binding.',
  ),
  AWS_ENDPOINT_URL: setting(
    z.url({ protocol: /^https?$/ }),
    "The store's address. Default: AWS S3 in AWS_REGION.",
  ),
  S3_PATH_STYLE: setting(
    z.stringbool(),
    'true: endpoint/bucket/key, false: bucket.endpoint/key. Default: true, unless the store of AWS_ENDPOINT_URL refuses it.',
  ),
  AWS_REGION: setting(z.string(), 'Default: auto with AWS_ENDPOINT_URL, else us-east-1.'),
  AWS_ACCESS_KEY_ID: setting(z.string(), 'A secret. Required with S3_BUCKET.'),
  AWS_SECRET_ACCESS_KEY: setting(z.string(), 'A secret. Required with S3_BUCKET.'),
  AWS_SESSION_TOKEN: setting(z.string(), 'A secret. Only for temporary credentials.'),
});

const configurationSchema = z.pipe(
  variablesSchema,
  z.transform((variables, context) => ({
    modelName: variables.MODEL_NAME,
    /** `*`: all of the bucket. */
    models: variables.MODELS,
    /** The default alias. */
    alias: variables.MODEL_ALIAS,
    canary: variables.CANARY_ALIAS
      ? { alias: variables.CANARY_ALIAS, percent: variables.CANARY_PERCENT }
      : null,
    maxModelBytes: variables.MODELS_MEGABYTES * 1e6,
    datasetName: variables.DATASET_NAME,
    pollMilliseconds: variables.ALIAS_POLL_SECONDS * 1000,
    snapshot: variables.SNAPSHOT === 'on',
    bucketPrefix: variables.BUCKET_PREFIX,
    /** 32 bytes each. Empty: versions need no signature. */
    publicKeys: variables.MODEL_PUBLIC_KEY,
    /** Empty: no route needs a token. */
    apiTokens: variables.API_TOKENS,
    /** `null`: no header can be trusted to hold the client's address. */
    addressHeader:
      variables.CLIENT_ADDRESS_HEADER === 'none' ? null : variables.CLIENT_ADDRESS_HEADER,
    corsOrigins: variables.CORS_ORIGINS,
    feedback: variables.FEEDBACK !== 'off',
    /** Whether POST /feedback may be used if there are no tokens. */
    feedbackIsOpen: variables.FEEDBACK === 'open',
    /** `null`: ids of predictions are not signed. */
    feedbackSecret: variables.FEEDBACK_SECRET ?? null,
    feedbackDays: variables.FEEDBACK_DAYS,
    maxFeedbackPerDay: variables.FEEDBACK_MAX_PER_DAY,
    logLevel: variables.LOG_LEVEL,
    /** `null`: the R2 binding. */
    s3: s3Location(variables, context),
  })),
);

export type Configuration = z.infer<typeof configurationSchema>;

/**
 * Reads the configuration from the Worker's environment.
 *
 * @param env the Worker's variables. Bindings and unknown names are ignored
 * @throws {Error} if a variable is invalid. The message lists all of them
 */
export function parseConfiguration(env: object): Configuration {
  const set = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== '' && value !== null),
  );
  const result = z.safeParse(configurationSchema, set, { error: inEnglish });
  if (result.success) return result.data;
  throw new Error(`The Worker's variables are invalid:\n${z.prettifyError(result.error)}`);
}

/** A variable with a default, which is a string as the environment would have it. */
function variable<Schema extends z.ZodMiniType>(
  schema: Schema,
  defaultValue: string,
  description: string,
) {
  return z.prefault(schema, defaultValue as z.input<Schema>).check(z.describe(description));
}

/** A variable without a default. */
function setting<Schema extends z.ZodMiniType>(schema: Schema, description: string) {
  return z.optional(schema).check(z.describe(description));
}

const splitList = (text: string) => text.split(/[\s,]+/).filter((entry) => entry !== '');

const addIssue = (context: z.core.ParsePayload, message: string, input?: unknown) =>
  context.issues.push({ code: 'custom', input, message });

/** Several tokens, so that one can be rotated: old and new work at the same time. Messages never contain a token. */
function parseTokens(text: string, context: z.core.ParsePayload) {
  return splitList(text).map((entry, index) => {
    const [, name = `token-${index + 1}`, token = ''] = /^(?:([^:]*):)?(.*)$/.exec(entry) ?? [];
    const fail = (reason: string) => addIssue(context, `Token ${index + 1} ${reason}`);
    if (!/^[\w.-]{1,64}$/.test(name)) {
      fail('has an invalid name: use letters, digits, dots, - and _');
    } else if (token.length < minTokenLength) {
      fail(`has fewer than ${minTokenLength} characters: make one with openssl rand -hex 32`);
    } else if (!/^[\w.~+/-]+=*$/.test(token)) {
      fail('has a character that bearer tokens may not have (RFC 6750, section 2.1)');
    }
    return { name, token };
  });
}

function parseModelNames(text: string, context: z.core.ParsePayload): '*' | string[] {
  if (text.trim() === '*') return '*';
  const names = splitList(text);
  for (const name of names) {
    if (modelNameSchema.safeParse(name).success) continue;
    addIssue(context, `has ${JSON.stringify(name)}, which is not the name of a model`, text);
  }
  return names;
}

function parseOrigins(text: string, context: z.core.ParsePayload): '*' | string[] {
  if (text.trim() === '*') return '*';
  const origins = splitList(text);
  for (const origin of origins) {
    if (URL.parse(origin)?.origin === origin && !origin.includes('*')) continue;
    const shown = JSON.stringify(origin);
    addIssue(context, `has ${shown}: an origin is like https://example.com, without a path`, text);
  }
  return origins;
}

/** Several keys, so that one can be rotated: versions signed with either are served. */
function parsePublicKeys(text: string, context: z.core.ParsePayload): Uint8Array<ArrayBuffer>[] {
  const blocks = text.replace(/-----(BEGIN|END) PUBLIC KEY-----/g, ',').replace(/\s+/g, '');
  const keys = blocks.split(',').filter((block) => block !== '');
  return keys.map((block) => {
    // DER (RFC 8410): 12 bytes that are the same for every Ed25519 key, and the key's 32 bytes.
    const [, key] = /^MCowBQYDK2VwAyEA([A-Za-z0-9+/]{43}=?)$/.exec(block) ?? [];
    if (key === undefined) {
      addIssue(
        context,
        'is not an Ed25519 public key: `openssl pkey -in key.pem -pubout` prints one',
      );
    }
    return Uint8Array.from(atob(key ?? ''), (character) => character.charCodeAt(0));
  });
}

function s3Location(variables: z.infer<typeof variablesSchema>, context: z.core.ParsePayload) {
  const { S3_BUCKET: bucket, AWS_ENDPOINT_URL: endpoint } = variables;
  if (bucket === undefined) return null;
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'] as const) {
    if (variables[name]) continue;
    const message = 'must be set if S3_BUCKET is set';
    context.issues.push({ code: 'custom', path: [name], input: undefined, message });
  }
  const fault = endpoint && endpointFault(endpoint, bucket);
  if (fault) {
    context.issues.push({
      code: 'custom',
      path: ['AWS_ENDPOINT_URL'],
      input: undefined,
      message: fault,
    });
  }
  const region = variables.AWS_REGION ?? (endpoint ? 'auto' : 'us-east-1');
  return {
    bucket,
    endpoint: endpoint ?? `https://s3.${region}.amazonaws.com`,
    region,
    pathStyle: variables.S3_PATH_STYLE ?? (endpoint === undefined || usesPathStyle(endpoint)),
    accessKeyId: variables.AWS_ACCESS_KEY_ID ?? '',
    secretAccessKey: variables.AWS_SECRET_ACCESS_KEY ?? '',
    sessionToken: variables.AWS_SESSION_TOKEN,
  };
}
