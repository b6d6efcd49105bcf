import * as z from 'zod';
import {
  bytesPerValue,
  type FloatType,
  type NamedTensor,
  shapeText,
  sizeOf,
  valueReader,
  WeightsFileError,
} from './tensor.ts';

/** The format's own limit (https://github.com/huggingface/safetensors#format). */
const maxHeaderBytes = 100_000_000;

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
 * Reads a safetensors file: eight bytes with the length of a JSON header, the header, the values.
 *
 * @returns the tensors in natural order of their names (`2` before `10`), as writers of the format sort differently
 * @throws {WeightsFileError} if the file is corrupt
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
          `The header describes ${name} incorrectly: ${z.prettifyError(result.error)}`,
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
  if (headerBytes === 0n || headerBytes > rest || headerBytes > maxHeaderBytes) {
    throw new WeightsFileError(
      `The file is not a complete safetensors file: its first 8 bytes announce a header of ${headerBytes} bytes.`,
    );
  }
  const end = 8 + Number(headerBytes);
  let header: unknown;
  try {
    header = JSON.parse(utf8.decode(bytes.subarray(8, end)));
  } catch (cause) {
    throw new WeightsFileError(`The header is not JSON: ${(cause as Error).message}`, { cause });
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    throw new WeightsFileError('The header is not a JSON object.');
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
  if (!type)
    throw new WeightsFileError(`${name} holds ${dtype} instead of floating-point numbers.`);
  const count = sizeOf(shape);
  if (end > data.byteLength || end - begin !== count * bytesPerValue(type)) {
    throw new WeightsFileError(
      `The header places ${name} (${dtype} ${shapeText(shape)}) at bytes ${begin} to ${end} of ${data.byteLength}: the file is corrupt or incomplete.`,
    );
  }
  const read = valueReader(data.subarray(begin, end), type, true);
  return Float32Array.from({ length: count }, (_, i) => read(i));
}

/**
 * Writes float32 tensors as a safetensors file, in the given order.
 *
 * @param metadata text by name, for people
 */
export function writeSafetensors(
  tensors: readonly NamedTensor[],
  metadata: Record<string, string> = {},
): Uint8Array {
  const header: Record<string, object> = { __metadata__: { format: 'pt', ...metadata } };
  const values = tensors.map((tensor) => tensor.values());
  let end = 0;
  for (const [i, { name, shape }] of tensors.entries()) {
    const begin = end;
    end += 4 * (values[i] as Float32Array).length;
    header[name] = { dtype: 'F32', shape, data_offsets: [begin, end] };
  }
  const text = Buffer.from(JSON.stringify(header));
  // The values start at a multiple of 8, so that readers can map them into memory.
  const padded = Math.ceil(text.length / 8) * 8;
  const bytes = Buffer.alloc(8 + padded + end, ' ');
  bytes.writeBigUInt64LE(BigInt(padded), 0);
  text.copy(bytes, 8);
  let at = 8 + padded;
  for (const tensor of values) {
    for (const value of tensor) at = bytes.writeFloatLE(value, at);
  }
  return bytes;
}
