import * as z from 'zod/mini';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import { Problem, toProblem } from '../errors.ts';
import { maximumImages, type PostedImage, tooManyImages } from '../input/posted-images.ts';
import type { LoadFailure } from '../model/alias-follower.ts';
import { inputName, outputName, parseBody, versionNumber } from './protocol.ts';

const requestSchema = z.object({
  signature_name: z.optional(z.string()),
  instances: z.optional(z.custom<unknown[]>(Array.isArray, "'instances' must be a list")),
  inputs: z.optional(
    z.custom<object>(
      (value) => typeof value === 'object' && value !== null,
      "'inputs' must be a list or an object",
    ),
  ),
});

const binarySchema = z.strictObject({ b64: z.string() });

export interface PredictRequest {
  images: PostedImage[];
  /** Under which they came. */
  key: 'instances' | 'inputs';
}

/**
 * Reads a predict request: images in rows (`instances`) or as one tensor (`inputs`), by themselves or under the input's name, each as
 * numbers or as `{ "b64": … }`, a file in base64.
 *
 * @throws {Problem} `bad_request`, `too_many_images`
 */
export function parsePredictRequest(body: Uint8Array): PredictRequest {
  const { signature_name, instances, inputs } = parseBody(body, requestSchema);
  if (signature_name && signature_name !== 'serving_default') {
    throw wrong(`Serving signature name: "${signature_name}" not found in signature def`);
  }
  if (instances && inputs) {
    throw wrong(
      "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist",
    );
  }
  const key = instances ? 'instances' : 'inputs';
  const values = instances ? fromRows(instances) : inputs && fromColumns(inputs);
  if (!values) throw wrong("Missing 'inputs' or 'instances' key");
  if (values.length === 0) throw wrong(`No values in '${key}' array`);
  if (values.length > maximumImages) throw tooManyImages(values.length);
  return { images: values.map(toImage), key };
}

/** Rows are all objects with the input's name, or none is. */
function fromRows(rows: unknown[]): unknown[] {
  const areNamed = isNamed(rows[0]);
  return rows.map((row, i) => {
    if (isNamed(row) !== areNamed) {
      const [expected, found] = areNamed ? ['object', 'list'] : ['value/list', 'object'];
      throw wrong(`Expecting ${expected} but got ${found} at item ${i} of input list`);
    }
    if (!isNamed(row)) return row;
    if (Object.keys(row).join() === inputName) return row[inputName];
    throw wrong(
      `Failed to process element: ${i} of 'instances' list. JSON object keys must be equal to: ${inputName}`,
    );
  });
}

function fromColumns(inputs: object): unknown[] {
  const tensor = isNamed(inputs) ? inputs[inputName] : inputs;
  if (tensor === undefined) throw wrong(`Missing named input: ${inputName} in 'inputs' object.`);
  return Array.isArray(tensor) ? tensor : [tensor];
}

/** An object that is not the `{ "b64": … }` of one value. */
const isNamed = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !binarySchema.safeParse(value).success;

function toImage(value: unknown): PostedImage {
  const { success, data } = binarySchema.safeParse(value);
  return success ? { kind: 'text', text: data.b64 } : { kind: 'pixels', value };
}

const wrong = (message: string) => new Problem('bad_request', message);

/** A ModelVersionStatus (get_model_status.proto). */
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

/** What is in memory, and what should be but could not be loaded; the newest first. */
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

/** The SignatureDefs (meta_graph.proto): one, the default. */
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
