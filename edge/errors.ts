/** Every error that a client can see: its code, status and title, and how it becomes a response. */
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { ImageError } from '../shared/image/image.ts';
import { StoreError } from '../shared/registry/object-store.ts';

/** The body of an error response (RFC 9457). */
export interface ProblemBody {
  /** Address of the code's description, relative to the Worker's address. */
  type: string;
  title: string;
  status: number;
  detail: string;
  /** The stable identifier that programs compare. */
  code: ProblemCode;
}

/** Every code with its status and title. */
export const problems = {
  bad_request: { status: 400, title: 'The request does not follow its protocol' },
  bad_index: { status: 400, title: 'The index is not a whole number' },
  bad_parameter: { status: 400, title: 'A request parameter is invalid' },
  empty_body: { status: 400, title: 'The body is empty' },
  bad_encoding: { status: 400, title: 'The body does not match its Content-Encoding' },
  bad_json: { status: 400, title: 'The body is not the expected JSON' },
  bad_multipart: { status: 400, title: 'The form is invalid' },
  unauthorized: { status: 401, title: 'A valid token is required' },
  not_found: { status: 404, title: 'Not found' },
  model_not_found: { status: 404, title: 'The Worker does not serve this model' },
  alias_not_found: { status: 404, title: 'The model has no such alias' },
  version_not_found: { status: 404, title: 'The model has no such version' },
  index_out_of_range: { status: 404, title: 'The test set has no such image' },
  method_not_allowed: { status: 405, title: 'The route does not support this method' },
  not_acceptable: { status: 406, title: 'No accepted media type is available' },
  body_timeout: { status: 408, title: 'The body took too long to arrive' },
  body_too_large: { status: 413, title: 'The body is too large' },
  image_too_large: {
    status: 413,
    title: 'The image has too many pixels, or takes too long to decode',
  },
  too_many_images: { status: 413, title: 'Too many images in one request' },
  unsupported_encoding: { status: 415, title: 'The Content-Encoding is not supported' },
  unsupported_image: { status: 415, title: 'The image format is not supported' },
  bad_image: { status: 422, title: 'The image is corrupt' },
  bad_pixels: { status: 422, title: 'The pixels do not form one image' },
  bad_label: { status: 422, title: 'The model has no such label' },
  unknown_prediction: { status: 422, title: 'The prediction is unknown' },
  too_many_requests: { status: 429, title: 'Too many requests' },
  internal_error: { status: 500, title: 'Internal error' },
  store_failed: { status: 503, title: 'The bucket could not be read' },
  no_model: { status: 503, title: 'No model is published yet' },
  bad_model: { status: 503, title: 'The published model could not be loaded' },
  busy: { status: 503, title: 'The Worker is busy' },
  no_dataset: { status: 503, title: 'No test set is uploaded yet' },
  bad_dataset: { status: 503, title: 'The test set could not be used' },
} as const satisfies Record<string, { status: ContentfulStatusCode; title: string }>;

export type ProblemCode = keyof typeof problems;

export interface ProblemOptions extends ErrorOptions {
  /** Headers of the response, such as Allow. */
  headers?: Record<string, string>;
}

/** An error that the client sees as it is. Anything else that is thrown is a bug and becomes a 500. */
export class Problem extends Error {
  override readonly name: string = 'Problem';
  readonly code: ProblemCode;
  readonly headers: Record<string, string>;

  /** @param detail one sentence for a person that names the value at fault. It is cut after 1,000 bytes */
  constructor(code: ProblemCode, detail: string, options: ProblemOptions = {}) {
    super(cut(detail), options);
    this.code = code;
    // Every 503 is temporary: the client may try again after two seconds.
    this.headers = options.headers ?? (this.status === 503 ? { 'retry-after': '2' } : {});
  }

  get status(): ContentfulStatusCode {
    return problems[this.code].status;
  }

  get body(): ProblemBody {
    const { status, title } = problems[this.code];
    return { type: `/problems#${this.code}`, title, status, detail: this.message, code: this.code };
  }
}

/** UTF-8 bytes of a detail, which may repeat what a client sent or a bucket holds. */
const maxDetailBytes = 1000;
/** U+2026 in UTF-8. */
const ellipsisBytes = 3;

/** Cuts a text that is too long. Control characters, which JSON would write with six bytes each, become U+FFFD. */
function cut(detail: string): string {
  const printable = detail.slice(0, maxDetailBytes + 1).replace(/[^\P{Cc}\n]/gu, '\ufffd');
  const room = new Uint8Array(maxDetailBytes - ellipsisBytes);
  const { read } = new TextEncoder().encodeInto(printable, room);
  return read < printable.length ? `${printable.slice(0, read)}…` : printable;
}

/**
 * The reasons why no model can answer.
 *
 * - `no_model`: the default alias does not exist, because nothing is published yet
 * - `bad_model`: the version is incomplete, corrupt or can't run here
 * - `model_not_found`: MODELS does not allow the requested model, or it has no default alias
 * - `alias_not_found`, `version_not_found`: the requested alias or version does not exist
 * - `busy`: too many other versions are being loaded
 */
export type ModelErrorCode =
  | 'no_model'
  | 'model_not_found'
  | 'bad_model'
  | 'alias_not_found'
  | 'version_not_found'
  | 'busy';

/** A fault of the models in the bucket. A bucket that can't be read throws a StoreError. */
export class ModelError extends Problem {
  override readonly name = 'ModelError';
  declare readonly code: ModelErrorCode;

  constructor(code: ModelErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/**
 * A fault of the test set in the bucket. A bucket that can't be read throws a StoreError.
 *
 * - `no_dataset`: no test set is uploaded yet
 * - `bad_dataset`: its files do not match each other
 */
export class DatasetError extends Problem {
  override readonly name = 'DatasetError';

  constructor(code: 'no_dataset' | 'bad_dataset', message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** Converts any error to the problem that the client sees. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof ImageError) return new Problem(error.code, error.message, { cause: error });
  if (error instanceof StoreError)
    return new Problem('store_failed', error.message, { cause: error });
  const detail = 'The Worker failed unexpectedly. Its log has the cause under this request id.';
  return new Problem('internal_error', detail, { cause: error });
}

/**
 * @param extensions further members of the body (RFC 9457, section 3.2)
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

/** A problem as both TensorFlow Serving and the Open Inference Protocol return it: `{ "error": … }`. */
export function protocolErrorResponse(problem: Problem): Response {
  // Neither protocol has a 422: a fault of an input is an invalid argument.
  const status = problem.status === 422 ? 400 : problem.status;
  return Response.json(
    { error: problem.message },
    { status, headers: { 'cache-control': 'no-store', ...problem.headers } },
  );
}
