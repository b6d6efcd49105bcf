import * as z from 'zod';
import { type NamedTensor, shapeText, sizeOf } from './named-tensor.ts';
import { bytesPerValue, type FloatType, valueReader } from './read-values.ts';
import { WeightsFileError } from './weights-file-error.ts';

/** The format's own limit (https://github.com/huggingface/safetensors#format). */
const maximumHeaderBytes = 100_000_000;

const tensorSchema = z.object({
  dtype: z.string(),
  shape: z.array(z.int().nonnegative()),
  data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
});

const floatTypes: Record<string, FloatType> = {
  F64: 'float64',
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
};

/**
 * Reads a safetensors file: the length of a JSON header as eight bytes, the header, the values.
 *
 * @returns the tensors in the order of their names, numbers by their value: what wrote the file sorted them its own way
 * @throws {WeightsFileError} where the file is damaged
 */
export function readSafetensors(bytes: Uint8Array): NamedTensor[] {
  const { header, data } = split(bytes);
  return Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .sort(([a], [b]) => inNaturalOrder.compare(a, b))
    .map(([name, description]) => {
      const result = tensorSchema.safeParse(description);
      if (!result.success) {
        throw new WeightsFileError(
          `The header is wrong about ${name}: ${z.prettifyError(result.error)}`,
        );
      }
      const { shape } = result.data;
      return { name, shape, values: () => readTensor(name, result.data, data) };
    });
}

const inNaturalOrder = new Intl.Collator('en', { numeric: true });

function split(bytes: Uint8Array): { header: object; data: Uint8Array } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = bytes.byteLength < 8 ? 0n : view.getBigUint64(0, true);
  const rest = BigInt(bytes.byteLength - 8);
  if (headerBytes === 0n || headerBytes > rest || headerBytes > maximumHeaderBytes) {
    throw new WeightsFileError(
      `This is no whole safetensors file: its first 8 bytes announce a header of ${headerBytes} bytes.`,
    );
  }
  const end = 8 + Number(headerBytes);
  let header: unknown;
  try {
    header = JSON.parse(utf8.decode(bytes.subarray(8, end)));
  } catch (cause) {
    throw new WeightsFileError(`The header is no JSON: ${(cause as Error).message}`, { cause });
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw new WeightsFileError('The header is no JSON object.');
  }
  return { header, data: bytes.subarray(end) };
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function readTensor(
  name: string,
  { dtype, shape, data_offsets: [begin, end] }: z.output<typeof tensorSchema>,
  data: Uint8Array,
): Float32Array {
  const type = floatTypes[dtype];
  if (!type) throw new WeightsFileError(`${name} holds no floating point numbers, but ${dtype}.`);
  const count = sizeOf(shape);
  if (end > data.byteLength || end - begin !== count * bytesPerValue[type]) {
    throw new WeightsFileError(
      `${name}, ${dtype} of ${shapeText(shape)}, is said to be the bytes ${begin} to ${end} of ${data.byteLength}: the file is damaged or cut short.`,
    );
  }
  const read = valueReader(data.subarray(begin, end), type, true);
  return Float32Array.from({ length: count }, (_, i) => read(i));
}
