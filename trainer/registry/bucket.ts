import { type BucketLayout, bucketLayout } from '../../shared/registry/bucket-layout.ts';
import {
  namesUnder,
  type ObjectStore,
  type PutOptions,
  quoteEtag,
  unquoteEtag,
} from '../../shared/registry/object-store.ts';
import {
  type BucketSettings,
  checkBucketSettings,
  locateBucket,
  splitUrl,
} from './bucket-location.ts';
import { explainS3Error, type S3Failure } from './explain-s3-error.ts';
import { type Connection, type ConnectionOptions, connect } from './s3-connection.ts';
import {
  deleteObject,
  deleteObjects,
  getObject,
  listPages,
  putObject,
  putUnsafely,
} from './s3-requests.ts';

/**
 * An S3-compatible bucket for publishers: an `ObjectStore` that can also overwrite, delete and list everything. Every method
 * throws a `StoreError` if the bucket can't be used.
 */
export interface Bucket extends ObjectStore {
  /** Its s3:// URL, for people. */
  readonly url: string;
  /** Whether to publish although the store ignores or refuses conditional writes. */
  readonly allowsUnsafeStore: boolean;
  /** The keys, including the URL's prefix. */
  readonly layout: BucketLayout;
  /**
   * Writes an object.
   *
   * @param options.ifMatch the ETag that the object must still have
   * @returns false if it has another ETag; nothing is written then
   */
  put(
    key: string,
    bytes: Uint8Array,
    options: PutOptions & { ifMatch?: string | undefined },
  ): Promise<boolean>;
  /** @returns the address of its server, for people */
  place(): Promise<string>;
  /**
   * @param max stops when there are more (default: no limit)
   * @returns all objects whose keys start with the prefix, sorted by key
   */
  listAll(prefix: string, max?: number): Promise<ListedObject[]>;
  /** Deletes an object; it may be absent. */
  delete(key: string): Promise<void>;
  /** Deletes objects with few requests; any may be absent. */
  deleteAll(keys: readonly string[]): Promise<void>;
  /** @returns the time by the server's clock, which its last answer had; this machine's before the first answer */
  now(): Date;
}

export interface ListedObject {
  key: string;
  /** Time of the last write, by the server's clock. */
  modifiedAt: Date;
  bytes: number;
  etag: string;
}

/**
 * Opens a bucket without sending a request. The credentials are AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
 * AWS_SESSION_TOKEN, or else those that the AWS SDK finds (profile, web identity, instance role).
 *
 * A request is sent again after a 5xx, throttling, a reset or no answer, up to AWS_MAX_ATTEMPTS times (default: 5), with
 * waits that double and are partly random
 * (https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html). So a conditional write may return false
 * although it succeeded, if its first answer was lost: read the object to find out. A write that conflicts with another one
 * (HTTP 409) is sent again for some seconds.
 *
 * @throws {RangeError} if the URL or a setting is invalid
 */
export function openBucket(options: BucketSettings & ConnectionOptions): Bucket {
  const environment = options.environment ?? process.env;
  checkBucketSettings(options, environment);
  let opened: ReturnType<typeof open> | undefined;
  let aheadMs = () => 0;
  async function open() {
    const location = await locateBucket(options, environment);
    const connection = connect(location, options);
    aheadMs = () => connection.aheadMs;
    return { location, connection };
  }

  async function attempt<T>(
    operation: string,
    key: string,
    request: (connection: Connection) => Promise<T>,
  ): Promise<T> {
    opened ??= open();
    const { location, connection } = await opened;
    try {
      return await request(connection);
    } catch (error) {
      throw explainS3Error(error, operation, key, location);
    }
  }

  const { allowUnsafeStore: allowsUnsafeStore = false } = options;
  const putIf = allowsUnsafeStore ? putUnsafely : putObject;
  return {
    url: options.url,
    allowsUnsafeStore,
    layout: bucketLayout(splitUrl(options.url).prefix),
    async place() {
      const { endpoint, region } = await locateBucket(options, environment);
      return endpoint ?? `AWS, region ${region}`;
    },
    get: (key) => attempt('get', key, (connection) => getObject(connection, key)),
    getIfChanged: (key, etag) =>
      attempt('get', key, (connection) =>
        getObject(connection, key, { IfNoneMatch: quoteEtag(etag) }).catch((error: S3Failure) => {
          if (error.$metadata?.httpStatusCode === 304) return 'unchanged' as const;
          throw error;
        }),
      ),
    getRange: (key, offset, length) =>
      attempt('get a range of', key, (connection) =>
        getObject(connection, key, { Range: `bytes=${offset}-${offset + length - 1}` }),
      ),
    list: (prefix) =>
      attempt('list', prefix, async (connection) => {
        const keys: string[] = [];
        for await (const page of listPages(connection, { Prefix: prefix, Delimiter: '/' })) {
          keys.push(...(page.Contents ?? []).flatMap(({ Key }) => Key ?? []));
          keys.push(...(page.CommonPrefixes ?? []).flatMap(({ Prefix }) => Prefix ?? []));
        }
        return namesUnder(prefix, keys);
      }),
    listAll: (prefix, max = Number.POSITIVE_INFINITY) =>
      attempt('list', prefix, async (connection) => {
        const objects: ListedObject[] = [];
        for await (const { Contents = [] } of listPages(connection, { Prefix: prefix })) {
          for (const {
            Key: key,
            LastModified: modifiedAt,
            Size: bytes = 0,
            ETag = '',
          } of Contents) {
            if (key === undefined || !modifiedAt) continue;
            objects.push({ key, modifiedAt, bytes, etag: unquoteEtag(ETag) });
          }
          if (objects.length > max) break;
        }
        return objects;
      }),
    putIfAbsent: (key, bytes, options) =>
      attempt('put', key, (connection) =>
        putIf(connection, key, bytes, options, { IfNoneMatch: '*' }),
      ),
    put: (key, bytes, { ifMatch, ...options }) =>
      attempt('put', key, (connection) =>
        ifMatch
          ? putIf(connection, key, bytes, options, { IfMatch: quoteEtag(ifMatch) })
          : putObject(connection, key, bytes, options, null),
      ),
    now: () => new Date(Date.now() + aheadMs()),
    deleteAll: (keys) =>
      attempt('delete', `${keys.length} objects`, (connection) => deleteObjects(connection, keys)),
    delete: (key) => attempt('delete', key, (connection) => deleteObject(connection, key)),
  };
}
