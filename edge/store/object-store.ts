/** An object's content. */
export interface StoredObject {
  bytes: Uint8Array<ArrayBuffer>;
  /** Changes whenever the content does; compare, never parse. */
  etag: string;
}

/** Where models and test sets lie: R2, or any S3. */
export interface ObjectStore {
  /**
   * @returns the whole object, `null` where there is none
   * @throws {StoreError} where the store can't be asked
   */
  get(key: string): Promise<StoredObject | null>;

  /**
   * @returns the object where its ETag is another one, `'unchanged'` where it is the same, `null`
   * where there is none
   * @throws {StoreError}
   */
  getIfChanged(key: string, etag: string): Promise<StoredObject | 'unchanged' | null>;

  /**
   * @param offset the first byte
   * @param length how many bytes; fewer come back at the object's end
   * @returns those bytes and the whole object's ETag, `null` where there is no object
   * @throws {StoreError} also where the object ends before `offset`
   */
  getRange(key: string, offset: number, length: number): Promise<StoredObject | null>;

  /**
   * Lists what lies directly under a prefix: objects, and folders with a slash at their end.
   *
   * @param prefix such as `models/m/versions/`; a part of a name may stand at its end
   * @returns the names behind the prefix's last slash, in the order of their bytes; of more than `mostListed` the first
   * @throws {StoreError}
   */
  list(prefix: string): Promise<string[]>;

  /**
   * Writes an object where there is none.
   *
   * @returns false where there is one, which stays as it is
   * @throws {StoreError} where the store can't be asked, or does not allow it
   */
  putIfAbsent(key: string, bytes: Uint8Array<ArrayBuffer>, contentType: string): Promise<boolean>;
}

/** Ten pages of a thousand, as both R2 and S3 give them. */
export const mostListed = 10_000;
