/**
 * Why a test image can't be read.
 *
 * - `no_dataset`: no test set is uploaded yet
 * - `bad_dataset`: its files do not fit each other
 */
export type DatasetErrorCode = 'no_dataset' | 'bad_dataset';

/** What is wrong with the test set in the bucket. A store that can't be asked throws a StoreError. */
export class DatasetError extends Error {
  override readonly name = 'DatasetError';
  readonly code: DatasetErrorCode;

  constructor(code: DatasetErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
