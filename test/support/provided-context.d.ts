import type { S3Location } from '../../edge/store/s3-location.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Whether every case runs, or only a sample of slow ones. */
    whole: boolean;
    /** Opens the bucket of the unit tests. */
    bucketEnvironment: Record<string, string>;
    /** Servers that hold the bucket, for the tests inside workerd. */
    s3Servers: { name: string; location: S3Location; checksCredentials: boolean }[];
    /** Stand-ins for stores that can't be used; `says` is the pattern of the error. */
    failingStores: {
      all: { name: string; location: S3Location; says: string }[];
      truncating: S3Location;
      conflicting: S3Location;
    };
    /** The Worker that the browser tests share. */
    worker: { url: string; env: Record<string, string> };
  }
}
