import type { S3Location } from '../../../edge/store/s3-object-store.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Servers that hold the bucket, for the tests inside workerd. */
    s3Servers: { name: string; location: S3Location; checksCredentials: boolean }[];
  }
}
