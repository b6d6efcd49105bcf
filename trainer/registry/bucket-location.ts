import * as z from 'zod';
import { endpointFault, usesPathStyle } from '../../shared/registry/s3-endpoint.ts';
import { readProfile } from './aws-profile.ts';

/** The place of a bucket, and how to connect to it. */
export interface BucketLocation {
  bucket: string;
  /** '' or ends with '/'. */
  prefix: string;
  /** null: AWS. */
  endpoint: string | null;
  region: string;
  /** Addresses `endpoint/bucket/key` instead of `bucket.endpoint/key`. */
  forcePathStyle: boolean;
  /** A profile of ~/.aws/config and ~/.aws/credentials that provides the credentials. */
  profile: string | undefined;
  /** How often a request is sent, including the first time. */
  maxAttempts: number;
}

export const bucketUrlSchema = z
  .string()
  .regex(/^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/.*)?$/, {
    error: ({ input }) =>
      `The bucket's URL ${input} is invalid: write s3://bucket or s3://bucket/prefix`,
  });

/**
 * The settings of a bucket, from a command's options and the standard AWS variables. At an endpoint the default region is
 * 'auto', and the bucket is part of the path, because most S3-compatible servers have no host name for each bucket.
 */
export const bucketSettingsSchema = z.object({
  url: bucketUrlSchema,
  endpoint: z
    .url({
      protocol: /^https?$/,
      error: ({ input }) => `The S3 endpoint ${input} is not an http:// or https:// URL.`,
    })
    .optional()
    .describe(
      "URL of an S3-compatible server (default: AWS_ENDPOINT_URL, then the profile's endpoint_url, else AWS)",
    )
    .meta({ value: '<url>' }),
  region: z
    .string()
    .regex(/^[a-z0-9-]+$/, {
      error: ({ input }) => `The region ${input} is invalid: write one such as eu-west-1.`,
    })
    .optional()
    .describe("region of the bucket (default: AWS_REGION, then the profile's)")
    .meta({ value: '<name>' }),
  pathStyle: z
    .stringbool()
    .optional()
    .describe(
      'true: endpoint/bucket/key, false: bucket.endpoint/key (default: true with an endpoint, unless its store refuses it)',
    )
    .meta({ value: '<true|false>' }),
  profile: z
    .string()
    .min(1)
    .optional()
    .describe(
      'profile of the AWS configuration files (default: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, then AWS_PROFILE)',
    )
    .meta({ value: '<name>' }),
  maxAttempts: z.coerce.number().int().min(1).max(20).default(5),
  allowUnsafeStore: z
    .boolean()
    .default(false)
    .describe('publish to a store that ignores conditional writes; run one publisher at a time'),
});

export type BucketSettings = Partial<z.output<typeof bucketSettingsSchema>> & { url: string };

const { endpoint, region, pathStyle, profile, allowUnsafeStore } = bucketSettingsSchema.shape;

/** Options that connect to a bucket. None takes a secret, because other users of the machine can read a command line. */
export const connectionOptions = { endpoint, region, pathStyle, profile };

/** The option of commands that publish. */
export const unsafeStoreOption = { allowUnsafeStore };

export const signOption = z
  .string()
  .min(1)
  .optional()
  .describe('sign the manifest with this Ed25519 private key')
  .meta({ value: '<key.pem>' });

/**
 * Checks a bucket's URL and settings. The standard AWS variables are the defaults
 * (https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html).
 *
 * @throws {RangeError} that names each invalid setting
 */
export function checkBucketSettings(
  settings: BucketSettings,
  environment: NodeJS.ProcessEnv,
): z.output<typeof bucketSettingsSchema> {
  const variable = variablesOf(environment);
  const endpoint = variable('AWS_ENDPOINT_URL_S3') ?? variable('AWS_ENDPOINT_URL');
  const checked = parseSettings({
    ...settings,
    endpoint: settings.endpoint ?? (ignoresEndpoints(environment) ? undefined : endpoint),
    region: settings.region ?? variable('AWS_REGION') ?? variable('AWS_DEFAULT_REGION'),
    maxAttempts: settings.maxAttempts ?? variable('AWS_MAX_ATTEMPTS'),
  });
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']) {
    // Secrets that were made with `echo` end with a line break, which no request can carry.
    if (!/\s/.test(environment[name] ?? '')) continue;
    throw new RangeError(`${name} has a space or a line break in it. Set it again without.`);
  }
  return checked;
}

/**
 * Resolves a bucket's settings, like the AWS CLI: options come first, then variables, then the profile. Keys in variables
 * precede AWS_PROFILE, but not --profile.
 *
 * @throws {RangeError} if the profile is missing, or a setting of it is invalid
 */
export async function locateBucket(
  settings: BucketSettings,
  environment: NodeJS.ProcessEnv,
): Promise<BucketLocation> {
  const checked = checkBucketSettings(settings, environment);
  const variable = variablesOf(environment);
  const profile = checked.profile ?? variable('AWS_PROFILE');
  const fromProfile = await readProfile(profile, environment);
  const isProfiles = checked.endpoint === undefined && !ignoresEndpoints(environment);
  const { endpoint = null, pathStyle } = isProfiles
    ? parseSettings({ ...checked, endpoint: fromProfile.endpoint })
    : checked;
  // The region of the profile `default`, which nobody named, is hardly that of another store.
  const isMeant = profile !== undefined || endpoint === null || isProfiles;
  const defaultRegion = endpoint === null ? 'us-east-1' : 'auto';
  const hasKeys = variable('AWS_ACCESS_KEY_ID') && variable('AWS_SECRET_ACCESS_KEY');
  return {
    ...splitUrl(checked.url),
    endpoint,
    region: checked.region ?? (isMeant ? fromProfile.region : undefined) ?? defaultRegion,
    forcePathStyle: pathStyle ?? (endpoint !== null && usesPathStyle(endpoint)),
    profile: checked.profile ?? (hasKeys ? undefined : profile),
    maxAttempts: checked.maxAttempts,
  };
}

/** @returns the bucket's name, and its prefix, which is '' or ends with '/' */
export function splitUrl(url: string): { bucket: string; prefix: string } {
  const [bucket = '', ...path] = url.slice('s3://'.length).split('/');
  const prefix = path.filter((part) => part !== '').join('/');
  return { bucket, prefix: prefix === '' ? '' : `${prefix}/` };
}

/** An empty variable counts as absent, as it does for the AWS SDK. */
const variablesOf = (environment: NodeJS.ProcessEnv) => (name: string) =>
  environment[name] || undefined;

const ignoresEndpoints = ({ AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: ignore }: NodeJS.ProcessEnv) =>
  ignore === 'true';

function parseSettings(settings: Record<string, unknown> & { pathStyle?: boolean | undefined }) {
  const { pathStyle } = settings;
  const result = bucketSettingsSchema.safeParse({
    ...settings,
    pathStyle: pathStyle === undefined ? undefined : String(pathStyle),
  });
  if (!result.success) {
    throw new RangeError(result.error.issues.map(({ message }) => message).join('\n'));
  }
  const { url, endpoint } = result.data;
  const fault = endpoint && endpointFault(endpoint, splitUrl(url).bucket);
  if (fault) throw new RangeError(fault);
  return result.data;
}
