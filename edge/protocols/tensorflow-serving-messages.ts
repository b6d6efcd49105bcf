import * as z from 'zod/mini';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import { toProblem } from '../errors.ts';
import { maxImages, type PostedImage, tooManyImages } from '../input/posted-images.ts';
import type { LoadFailure } from '../model/alias-follower.ts';
import { badRequest, inputName, outputName, parseRequest, versionNumber } from './protocol.ts';

const requestSchema = z.object({
  // Some clients write `null` for members that are absent.
  signature_name: z.nullish(z.string()),
  instances: z.nullish(z.custom<unknown[]>(Array.isArray, "'instances' must be a list")),
  inputs: z.nullish(
    z.custom<object>(
      (value) => typeof value === 'object' && value !== null,
      "'inputs' must be a list or an object",
    ),
  ),
});

const advice =
  'Send {"instances": [{"b64": "…"}]} with the file in base64, or the file itself to POST /predict.';

const binarySchema = z.strictObject({ b64: z.string() });

export interface PredictRequest {
  images: PostedImage[];
  /** The key that held them. */
  key: 'instances' | 'inputs';
}

/**
 * Parses a predict request. Its images are rows (`instances`) or one tensor (`inputs`), directly or under the input's name. Each image is
 * numbers or `{ "b64": … }`, a file in base64.
 *
 * @throws {Problem} `bad_request`, `too_many_images`
 */
export function parsePredictRequest(body: Uint8Array): PredictRequest {
  const { signature_name, instances, inputs } = parseRequest(body, requestSchema, advice);
  if (signature_name && signature_name !== 'serving_default') {
    throw badRequest(`Serving signature name: "${signature_name}" not found in signature def`);
  }
  if (instances && inputs) {
    throw badRequest(
      "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist",
    );
  }
  const key = instances ? 'instances' : 'inputs';
  const values = instances ?? (inputs && fromColumns(inputs));
  if (!values) throw badRequest("Missing 'inputs' or 'instances' key");
  if (values.length === 0) throw badRequest(`No values in '${key}' array`);
  if (typeof values[0] === 'number') throw withoutBatch(key);
  // Before the rows are checked, which takes time.
  if (values.length > maxImages) throw tooManyImages(values.length);
  return { images: (instances ? fromRows(instances) : values).map(toImage), key };
}

/** A model takes a list of images. A single one without the list is a list of rows or numbers. */
export const withoutBatch = (key: PredictRequest['key']) =>
  badRequest(`'${key}' is one image, not a list of images: send {"${key}": […]} with it in a list`);

/** Either all rows are objects with the input's name, or none is. */
function fromRows(rows: unknown[]): unknown[] {
  const areNamed = isNamed(rows[0]);
  return rows.map((row, i) => {
    if (isNamed(row) !== areNamed) {
      const [expected, found] = areNamed ? ['object', 'list'] : ['value/list', 'object'];
      throw badRequest(`Expecting ${expected} but got ${found} at item ${i} of input list`);
    }
    if (!isNamed(row)) return row;
    if (Object.keys(row).join() === inputName) return row[inputName];
    throw badRequest(
      `Failed to process element: ${i} of 'instances' list. JSON object keys must be equal to: ${inputName}`,
    );
  });
}

function fromColumns(inputs: object): unknown[] {
  const tensor = isNamed(inputs) ? inputs[inputName] : inputs;
  if (tensor === undefined)
    throw badRequest(`Missing named input: ${inputName} in 'inputs' object.`);
  return Array.isArray(tensor) ? tensor : [tensor];
}

/** An object other than `{ "b64": … }`, which is a value. */
const isNamed = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !binarySchema.safeParse(value).success;

function toImage(value: unknown): PostedImage {
  const { success, data } = binarySchema.safeParse(value);
  return success ? { kind: 'text', text: data.b64 } : { kind: 'pixels', value };
}

/** ModelVersionStatus in get_model_status.proto. */
interface VersionStatus {
  version: string;
  state: 'AVAILABLE' | 'END';
  status: { error_code: string; error_message: string };
}

export const available = (version: string): VersionStatus => ({
  version: versionNumber(version),
  state: 'AVAILABLE',
  status: { error_code: 'OK', error_message: '' },
});

/** The statuses of the versions in memory and of those that failed to load, the newest first. */
export function describeModels(
  inMemory: string[],
  failures: { failure: LoadFailure | null }[],
): VersionStatus[] {
  const statuses = inMemory.map(available);
  for (const { failure } of failures) {
    if (failure === null || failure.version === null) continue;
    const { code, message } = toProblem(failure.error);
    const errorCode = code === 'store_failed' ? 'UNAVAILABLE' : 'DATA_LOSS';
    statuses.push({
      version: versionNumber(failure.version),
      state: 'END',
      status: { error_code: errorCode, error_message: message },
    });
  }
  return statuses.sort((one, other) => Number(other.version) - Number(one.version));
}

/** SignatureDefs in meta_graph.proto: only the default one. */
export function describeSignatures({ inputShape, labels }: ModelSpec) {
  return {
    serving_default: {
      inputs: { [inputName]: describeTensor(inputName, inputShape) },
      outputs: { [outputName]: describeTensor(outputName, [labels.length]) },
      method_name: 'tensorflow/serving/predict',
      defaults: {},
    },
  };
}

function describeTensor(name: string, shape: readonly number[]) {
  const dim = [-1, ...shape].map((size) => ({ size: String(size), name: '' }));
  return { dtype: 'DT_FLOAT', tensor_shape: { dim, unknown_rank: false }, name: `${name}:0` };
}
