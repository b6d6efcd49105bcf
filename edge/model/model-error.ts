/**
 * Why there is no model to answer with.
 *
 * - `no_model`: the alias that is served does not exist: nothing is published yet
 * - `bad_model`: the version it points at, or that was asked for, is missing, damaged or can't run here
 * - `alias_not_found`, `version_not_found`: there is none of the name that was asked for
 * - `busy`: other versions are being loaded
 */
export type ModelErrorCode =
  | 'no_model'
  | 'bad_model'
  | 'alias_not_found'
  | 'version_not_found'
  | 'busy';

/** What is wrong with what lies in the bucket. A store that can't be asked throws a StoreError. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
  readonly code: ModelErrorCode;

  constructor(code: ModelErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
