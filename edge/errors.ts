import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { ImageError } from '../shared/image/image.ts';
import { StoreError } from '../shared/registry/object-store.ts';

/** The body of every error this Worker answers (RFC 9457). */
export interface ProblemBody {
  /** Where the code is described, relative to the Worker's address. */
  type: string;
  title: string;
  status: number;
  detail: string;
  /** What a program decides by; it never changes for the same fault. */
  code: ProblemCode;
}

/** Every code with its status and title. */
export const problems = {
  bad_request: { status: 400, title: 'The request is not as its protocol has it' },
  bad_index: { status: 400, title: 'The index is not a whole number' },
  bad_parameter: { status: 400, title: 'A query parameter is wrong' },
  empty_body: { status: 400, title: 'The body is empty' },
  bad_encoding: { status: 400, title: 'The body is not compressed as it says' },
  bad_json: { status: 400, title: 'The body is not the JSON expected' },
  bad_multipart: { status: 400, title: 'The form is not as expected' },
  unauthorized: { status: 401, title: 'A token is needed' },
  not_found: { status: 404, title: 'There is nothing here' },
  alias_not_found: { status: 404, title: 'The model has no such alias' },
  version_not_found: { status: 404, title: 'The model has no such version' },
  index_out_of_range: { status: 404, title: 'The test set has no such image' },
  method_not_allowed: { status: 405, title: 'The method is not allowed here' },
  not_acceptable: { status: 406, title: 'The answer comes in no type that is accepted' },
  body_too_large: { status: 413, title: 'The body is too large' },
  image_too_large: { status: 413, title: 'The image has too many pixels' },
  too_many_images: { status: 413, title: 'Too many images in one call' },
  unsupported_encoding: { status: 415, title: 'The body is compressed in a way that is not read' },
  unsupported_image: { status: 415, title: 'This is no image that can be read' },
  bad_image: { status: 422, title: 'The image is damaged' },
  bad_pixels: { status: 422, title: 'The pixels are not those of one image' },
  bad_label: { status: 422, title: 'The model has no such label' },
  unknown_prediction: { status: 422, title: 'No such prediction was made' },
  too_many_requests: { status: 429, title: 'Too many requests' },
  internal_error: { status: 500, title: 'The Worker failed' },
  store_failed: { status: 503, title: 'The bucket could not be read' },
  no_model: { status: 503, title: 'No model is published yet' },
  bad_model: { status: 503, title: 'The published model could not be loaded' },
  busy: { status: 503, title: 'Other versions are being loaded' },
  no_dataset: { status: 503, title: 'No test set is uploaded yet' },
  bad_dataset: { status: 503, title: 'The test set in the bucket is damaged' },
} as const satisfies Record<string, { status: ContentfulStatusCode; title: string }>;

export type ProblemCode = keyof typeof problems;

export interface ProblemOptions extends ErrorOptions {
  /** Headers of the response: Allow, Retry-After. */
  headers?: Record<string, string>;
}

/** A fault that is answered to the client as it stands. Anything else thrown is a bug and a 500. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly headers: Record<string, string>;

  /** @param detail one sentence for a person, with the value at fault in it */
  constructor(code: ProblemCode, detail: string, options: ProblemOptions = {}) {
    super(detail, options);
    this.code = code;
    this.headers = options.headers ?? {};
  }

  get status(): ContentfulStatusCode {
    return problems[this.code].status;
  }

  get body(): ProblemBody {
    const { status, title } = problems[this.code];
    return { type: `/problems#${this.code}`, title, status, detail: this.message, code: this.code };
  }
}

/**
 * @param extensions further members of the body, as RFC 9457 allows
 */
export function problemResponse(problem: Problem, extensions: object = {}): Response {
  return Response.json(
    { ...problem.body, ...extensions },
    {
      status: problem.status,
      headers: {
        'content-type': 'application/problem+json',
        'cache-control': 'no-store',
        ...problem.headers,
      },
    },
  );
}

/** Seconds after which a client may ask again for what is not there yet. */
const retry = { 'retry-after': '2' };

/** The one place where an error becomes the problem that is answered. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof ImageError) return new Problem(error.code, error.message, { cause: error });
  if (error instanceof ModelError || error instanceof DatasetError) {
    const headers = error.code.endsWith('_not_found') ? {} : retry;
    return new Problem(error.code, error.message, { cause: error, headers });
  }
  if (error instanceof StoreError) {
    return new Problem('store_failed', error.message, { cause: error, headers: retry });
  }
  return new Problem('internal_error', 'An unforeseen error; the Worker has logged it.', {
    cause: error,
  });
}

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
