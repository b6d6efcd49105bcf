/**
 * Why there is no model to answer with.
 *
 * - `no_model`: the alias does not exist: nothing is published yet
 * - `bad_model`: the version it points at is missing, damaged or can't run here
 */
export type ModelErrorCode = 'no_model' | 'bad_model';

/** What is wrong with what lies in the bucket. A store that can't be asked throws a StoreError. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
  readonly code: ModelErrorCode;

  constructor(code: ModelErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
