import * as z from 'zod/mini';
import type { S3Location } from './s3-object-store.ts';

// The wrangler configuration can't unset a variable, only empty it.
const setting = () =>
  z.pipe(
    z.optional(z.string()),
    z.transform((value) => (value === '' ? undefined : value)),
  );

/**
 * The variables that replace the R2 binding by an S3 bucket: S3_BUCKET and the standard AWS variables, the keys as secrets
 * (https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html). `s3` is `null` if S3_BUCKET is not set.
 */
export const s3SettingsSchema = z.pipe(
  z.object({
    S3_BUCKET: z.pipe(
      setting(),
      z.optional(
        z.string().check(z.regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'is not a bucket name')),
      ),
    ),
    AWS_ENDPOINT_URL: z.pipe(setting(), z.optional(z.url({ protocol: /^https?$/ }))),
    AWS_REGION: setting(),
    AWS_ACCESS_KEY_ID: setting(),
    AWS_SECRET_ACCESS_KEY: setting(),
    AWS_SESSION_TOKEN: setting(),
  }),
  z.transform((variables, context): { s3: S3Location | null } => {
    const { S3_BUCKET: bucket, AWS_ENDPOINT_URL: endpoint } = variables;
    if (bucket === undefined) return { s3: null };
    const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = variables;
    if (!accessKeyId || !secretAccessKey) {
      const path = [accessKeyId ? 'AWS_SECRET_ACCESS_KEY' : 'AWS_ACCESS_KEY_ID'];
      context.issues.push({
        code: 'custom',
        path,
        input: undefined,
        message: 'must be set if S3_BUCKET is',
      });
      return z.NEVER;
    }
    const region = variables.AWS_REGION ?? (endpoint ? 'auto' : 'us-east-1');
    return {
      s3: {
        bucket,
        endpoint: endpoint ?? `https://s3.${region}.amazonaws.com`,
        region,
        accessKeyId,
        secretAccessKey,
        sessionToken: variables.AWS_SESSION_TOKEN,
      },
    };
  }),
);
