/** The content of a stored object, or of a range of it. */
export interface StoredObject {
  bytes: Uint8Array<ArrayBuffer>;
  /** Changes with every change of the content. Without HTTP's quotes. A weak one, which a proxy may have made, starts with `W/`. */
  etag: string;
}

/** Removes the quotes of an ETag header. */
export const unquoteEtag = (header: string): string => header.replaceAll('"', '');

/** Returns an ETag as it is sent in a condition. */
export const quoteEtag = (etag: string): string =>
  etag.startsWith('W/') ? `W/"${etag.slice(2)}"` : `"${etag}"`;

export interface GetOptions {
  /** The Worker's drivers refuse a larger object before they read its content (default: `defaultMaxBytes`). */
  maxBytes?: MaxBytes;
}

/** A function is called when the object's size is known, and its content is read only if the promise is fulfilled. */
export type MaxBytes = number | (() => Promise<number>);

/** Every object that the Worker reads, except models and test images, is far smaller. */
export const defaultMaxBytes = 2 * 1024 * 1024;

export interface PutOptions {
  contentType: string;
  cacheControl?: string | undefined;
}

/**
 * A bucket with models and test sets. The drivers are R2's binding and S3 in the Worker, and S3 in the trainer.
 *
 * An absent object is `null`. Every method throws a `StoreError` if the store can't answer. Its cause is an
 * `ObjectTooLargeError` if the object is larger than the limit.
 */
export interface ObjectStore {
  /** @returns the whole object, or `null` if it is absent */
  get(key: string, options?: GetOptions): Promise<StoredObject | null>;

  /** @returns the object if its ETag is a different one, `'unchanged'` if it is the same, `null` if the object is absent */
  getIfChanged(key: string, etag: string): Promise<StoredObject | 'unchanged' | null>;

  /**
   * Reads a part of an object.
   *
   * @param offset the first byte
   * @param length number of bytes; fewer are returned at the object's end
   * @returns the bytes and the whole object's ETag, or `null` if the object is absent
   * @throws {StoreError} also if the object ends before `offset`, or the store returns other bytes than these
   */
  getRange(key: string, offset: number, length: number): Promise<StoredObject | null>;

  /**
   * Lists the objects directly under a prefix, and its folders with a slash at the end.
   *
   * @param prefix such as `models/m/versions/`; may end with the start of a name
   * @returns the names after the prefix's last slash, sorted; a driver may stop after `maxListed` of them
   */
  list(prefix: string): Promise<string[]>;

  /** @returns false if an object with this key exists; it stays as it is */
  putIfAbsent(key: string, bytes: Uint8Array, options: PutOptions): Promise<boolean>;
}

/**
 * Checks that a store has answered a range read with the requested bytes. A proxy or an incomplete S3 server may return others.
 *
 * @param contentRange the answer's Content-Range (RFC 9110, section 14.4)
 * @throws {Error}
 */
export function checkRange(
  asked: { offset: number; length: number },
  contentRange: string | null | undefined,
  { bytes, etag }: StoredObject,
): void {
  const [, start, size] = /^bytes (\d+)-\d+\/(\d+)$/.exec(contentRange ?? '') ?? [];
  const length = Math.min(asked.length, Number(size) - asked.offset);
  if (Number(start) !== asked.offset || bytes.byteLength !== length) {
    throw new Error(
      `the request was for ${asked.length} bytes from ${asked.offset} on, but the answer has ${bytes.byteLength} bytes with Content-Range ${contentRange ?? '(none)'}`,
    );
  }
  if (etag === '') throw new Error('the answer has no ETag');
}

/** Ten pages of 1,000 names, the page size of both R2 and S3. */
export const maxListed = 10_000;

/** Removes everything up to the prefix's last slash from keys, for `list`. */
export function namesUnder(prefix: string, keys: readonly string[]): string[] {
  const start = prefix.lastIndexOf('/') + 1;
  return keys.toSorted().map((key) => key.slice(start));
}

/** A store that failed to answer. An absent object is not an error: it is `null`. */
export class StoreError extends Error {
  override readonly name = 'StoreError';

  /**
   * @param store the driver, and which bucket it reads
   * @param operation such as `get`
   * @param reason why it failed and, if something can be done about it, what (default: the cause's message)
   */
  constructor(store: string, operation: string, key: string, cause: unknown, reason?: string) {
    const message = reason ?? (cause instanceof Error ? cause.message : String(cause));
    super(`${store} failed to ${operation} ${key}: ${message}`, { cause });
  }
}

/** Why a `StoreError` did not read an object: it is larger than its reader accepts. */
export class ObjectTooLargeError extends Error {
  override readonly name = 'ObjectTooLargeError';

  /** @param bytes the size of the object, or `null` if the store did not announce it */
  constructor(bytes: number | null, maxBytes: number) {
    const size = bytes === null ? `more than ${maxBytes} bytes` : `${bytes} bytes`;
    super(`it has ${size}; the maximum is ${maxBytes}`);
  }
}
