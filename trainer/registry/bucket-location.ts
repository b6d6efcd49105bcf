import * as z from 'zod';

/** The place of a bucket, and how to connect to it. */
export interface BucketLocation {
  bucket: string;
  /** '' or ends with '/'. */
  prefix: string;
  /** null: AWS. */
  endpoint: string | null;
  /** null: the profile's. */
  region: string | null;
  /** Addresses `endpoint/bucket/key` instead of `bucket.endpoint/key`. */
  forcePathStyle: boolean;
  /** A profile of ~/.aws/config and ~/.aws/credentials. */
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
    .describe('URL of an S3-compatible server (default: AWS_ENDPOINT_URL, else AWS)')
    .meta({ value: '<url>' }),
  region: z
    .string()
    .regex(/^[a-z0-9-]+$/, {
      error: ({ input }) => `The region ${input} is invalid: write one such as eu-west-1.`,
    })
    .optional()
    .describe('region of the bucket (default: AWS_REGION)')
    .meta({ value: '<name>' }),
  pathStyle: z
    .stringbool()
    .optional()
    .describe(
      'true: endpoint/bucket/key, false: bucket.endpoint/key (default: true with an endpoint)',
    )
    .meta({ value: '<true|false>' }),
  profile: z
    .string()
    .min(1)
    .optional()
    .describe(
      'profile of the AWS configuration files (default: AWS_PROFILE); without one, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
    )
    .meta({ value: '<name>' }),
  maxAttempts: z.coerce.number().int().min(1).max(20).default(5),
});

export type BucketSettings = Partial<z.output<typeof bucketSettingsSchema>> & { url: string };

const { endpoint, region, pathStyle, profile } = bucketSettingsSchema.shape;

/** Options that connect to a bucket. None takes a secret, because other users of the machine can read a command line. */
export const connectionOptions = { endpoint, region, pathStyle, profile };

export const signOption = z
  .string()
  .min(1)
  .optional()
  .describe('sign the manifest with this Ed25519 private key')
  .meta({ value: '<key.pem>' });

/**
 * Resolves a bucket's URL and settings. The standard AWS variables are the defaults
 * (https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html).
 *
 * @throws {RangeError} that names each invalid setting
 */
export function bucketLocation(
  settings: BucketSettings,
  environment: NodeJS.ProcessEnv,
): BucketLocation {
  // An empty variable counts as absent, as it does for the AWS SDK.
  const variable = (name: string) => environment[name] || undefined;
  const result = bucketSettingsSchema.safeParse({
    url: settings.url,
    endpoint: settings.endpoint ?? variable('AWS_ENDPOINT_URL_S3') ?? variable('AWS_ENDPOINT_URL'),
    region: settings.region ?? variable('AWS_REGION') ?? variable('AWS_DEFAULT_REGION'),
    pathStyle: settings.pathStyle === undefined ? undefined : String(settings.pathStyle),
    profile: settings.profile ?? variable('AWS_PROFILE'),
    maxAttempts: settings.maxAttempts ?? variable('AWS_MAX_ATTEMPTS'),
  });
  if (!result.success) {
    throw new RangeError(result.error.issues.map(({ message }) => message).join('\n'));
  }
  const { url, endpoint = null, region, pathStyle, profile, maxAttempts } = result.data;
  const [bucket = '', ...path] = url.slice('s3://'.length).split('/');
  const prefix = path.filter((part) => part !== '').join('/');
  const defaultRegion = endpoint === null ? (profile ? null : 'us-east-1') : 'auto';
  return {
    bucket,
    prefix: prefix === '' ? '' : `${prefix}/`,
    endpoint,
    region: region ?? defaultRegion,
    forcePathStyle: pathStyle ?? endpoint !== null,
    profile,
    maxAttempts,
  };
}
