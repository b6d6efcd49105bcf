import type { NamedTensor } from './named-tensor.ts';

/**
 * Writes float32 tensors as a safetensors file (https://github.com/huggingface/safetensors#format), in the order given.
 *
 * @param metadata texts by name, for people
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
  // The values start at a multiple of 8, so that they can be used where they lie.
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
