import * as z from 'zod';

/** Where a bucket is and how it is addressed. */
export interface BucketLocation {
  bucket: string;
  /** '' or ends with '/'. */
  prefix: string;
  /** null stands for AWS itself. */
  endpoint: string | null;
  /** null stands for the profile's. */
  region: string | null;
  /** `endpoint/bucket/key` instead of `bucket.endpoint/key`. */
  forcePathStyle: boolean;
  /** Of ~/.aws/config and ~/.aws/credentials. */
  profile: string | undefined;
  /** Times that a request is sent, the first included. */
  maxAttempts: number;
}

export const bucketUrlSchema = z
  .string()
  .regex(/^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/.*)?$/, {
    error: ({ input }) =>
      `A bucket's URL looks like s3://bucket or s3://bucket/prefix, not ${input}`,
  });

/** What says where a bucket is; each command's flags and the standard AWS variables give it. */
export const bucketSettingsSchema = z.object({
  url: bucketUrlSchema,
  endpoint: z
    .url({
      protocol: /^https?$/,
      error: ({ input }) => `The S3 endpoint ${input} is no http:// or https:// URL.`,
    })
    .optional()
    .describe('of an S3-compatible server; AWS itself unless told (AWS_ENDPOINT_URL)')
    .meta({ value: '<url>' }),
  region: z
    .string()
    .regex(/^[a-z0-9-]+$/, { error: ({ input }) => `${input} is no region, such as eu-west-1.` })
    .optional()
    .describe('region of the bucket (AWS_REGION)')
    .meta({ value: '<name>' }),
  pathStyle: z
    .stringbool()
    .optional()
    .describe(
      'true: endpoint/bucket/key, false: bucket.endpoint/key (default: true at an endpoint)',
    )
    .meta({ value: '<true|false>' }),
  profile: z
    .string()
    .min(1)
    .optional()
    .describe('of the AWS configuration files (AWS_PROFILE); else AWS_ACCESS_KEY_ID and …SECRET…')
    .meta({ value: '<name>' }),
  maxAttempts: z.coerce.number().int().min(1).max(20).default(5),
});

export type BucketSettings = z.input<typeof bucketSettingsSchema>;

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
 * Reads a bucket's URL and settings, and what is not told from the standard AWS variables
 * (https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html).
 *
 * @throws {RangeError} that says which of them is wrong
 */
export function bucketLocation(
  settings: Partial<z.output<typeof bucketSettingsSchema>> & { url: string },
  environment: NodeJS.ProcessEnv,
): BucketLocation {
  // A variable that is set to nothing counts as absent, as it does for the AWS SDK.
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
