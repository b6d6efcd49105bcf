import * as z from 'zod/mini';
import { boundedList } from '../input/json.ts';
import { badRequest, inputName, outputName, parseRequest } from './protocol.ts';

/** Inputs, outputs, and sizes in a shape. The model has one input and one output. */
const maxListed = 16;

const size = z.int().check(z.nonnegative());
const classification = z.nullish(z.int().check(z.positive()));

/** Some clients write `null` for members that are absent. */
const requestSchema = z.object({
  id: z.nullish(z.string()),
  parameters: z.nullish(
    z.looseObject({ binary_data_output: z.nullish(z.boolean()), classification }),
  ),
  inputs: boundedList(
    z.object({
      name: z.string(),
      shape: boundedList(size, maxListed),
      datatype: z.string(),
      parameters: z.nullish(z.looseObject({ binary_data_size: z.nullish(size) })),
      /** Its numbers are checked later. */
      data: z.nullish(z.custom<unknown[]>(Array.isArray, 'must be an array')),
    }),
    maxListed,
  ),
  outputs: z.nullish(
    boundedList(
      z.object({
        name: z.string(),
        parameters: z.nullish(
          z.looseObject({ binary_data: z.nullish(z.boolean()), classification }),
        ),
      }),
      maxListed,
    ),
  ),
});

type WrittenInput = z.infer<typeof requestSchema>['inputs'][number];

export interface InputTensor {
  /** `null` if the request has only the bytes. */
  shape: number[] | null;
  datatype: string;
  /** JSON numbers, flat or nested, or the bytes of the elements. */
  data: unknown[] | Uint8Array<ArrayBuffer>;
}

export interface RequestedOutput {
  isBinary: boolean;
  /** Number of most probable classes to return instead of the tensor. */
  classification: number | undefined;
}

interface InferRequest {
  id: string | undefined;
  input: InputTensor;
  outputs: RequestedOutput[];
}

/**
 * Parses an inference request. Its tensors may follow the JSON as bytes.
 *
 * @param header Inference-Header-Content-Length: the length of the JSON (default: all of the body). 0 is Triton's raw binary request: the
 * body is the input tensor, and the output is returned as bytes
 * @throws {Problem} `bad_request`
 */
export function parseInferRequest(
  body: Uint8Array<ArrayBuffer>,
  header: string | undefined,
  modelName: string,
): InferRequest {
  if (header === '0') return rawRequest(body);
  const jsonBytes = header === undefined ? body.byteLength : parseLength(header, body.byteLength);
  const request = parseRequest(body.subarray(0, jsonBytes), requestSchema, advice);
  const [input] = request.inputs;
  if (request.inputs.length !== 1 || input === undefined) {
    throw badRequest(
      `expected 1 inputs but got ${request.inputs.length} inputs for model '${modelName}'`,
    );
  }
  if (input.name !== inputName) {
    throw badRequest(
      `unexpected inference input '${input.name}' for model '${modelName}'; it takes '${inputName}'`,
    );
  }
  const parameters = request.parameters ?? {};
  // A request for no output is a request for all of them.
  const outputs = request.outputs?.length ? request.outputs : [{ name: outputName }];
  return {
    id: request.id ?? undefined,
    input: {
      shape: input.shape,
      datatype: input.datatype,
      data: dataOf(input, body.subarray(jsonBytes)),
    },
    outputs: outputs.map(({ name, parameters: own }) => {
      if (name !== outputName) {
        throw badRequest(
          `unexpected inference output '${name}' for model '${modelName}'; it returns '${outputName}'`,
        );
      }
      return {
        isBinary: own?.binary_data ?? parameters.binary_data_output ?? false,
        classification: own?.classification ?? parameters.classification ?? undefined,
      };
    }),
  };
}

const advice =
  'Send its pixels in "inputs", with name, shape, datatype and data, or the file itself to POST /predict.';

const rawRequest = (body: Uint8Array<ArrayBuffer>): InferRequest => ({
  id: undefined,
  input: { shape: null, datatype: 'FP32', data: body },
  outputs: [{ isBinary: true, classification: undefined }],
});

function parseLength(header: string, bodyBytes: number): number {
  const length = /^\d+$/.test(header) ? Number(header) : Number.NaN;
  if (length <= bodyBytes) return length;
  throw badRequest(
    `Inference-Header-Content-Length is "${header}"; the body has ${bodyBytes} bytes`,
  );
}

function dataOf(
  { parameters, data }: WrittenInput,
  binary: Uint8Array<ArrayBuffer>,
): InputTensor['data'] {
  const size = parameters?.binary_data_size ?? undefined;
  if ((size ?? 0) !== binary.byteLength) {
    throw badRequest(
      `${binary.byteLength} bytes follow the JSON, but the inputs have binary_data_size ${size ?? 0}`,
    );
  }
  if (size !== undefined && !data) return binary;
  if (size === undefined && data) return data;
  throw badRequest(`input '${inputName}' must have either data or binary_data_size`);
}
