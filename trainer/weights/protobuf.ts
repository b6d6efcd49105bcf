/** A field of a protobuf message: its number and its value. A list repeats the field. */
export type ProtobufField = readonly [
  number: number,
  value: number | string | Uint8Array | readonly number[] | readonly Uint8Array[],
];

/**
 * Writes a protobuf message (https://protobuf.dev/programming-guides/encoding/). A number becomes a varint; text, bytes
 * and embedded messages are preceded by their length.
 */
export function protobufMessage(fields: readonly ProtobufField[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [number, value] of fields) {
    const values = Array.isArray(value) ? value : [value];
    for (const one of values) {
      if (typeof one === 'number') {
        parts.push(varint((number << 3) | wireType.varint), varint(one));
      } else {
        const bytes = typeof one === 'string' ? new TextEncoder().encode(one) : one;
        parts.push(varint((number << 3) | wireType.lengthDelimited), varint(bytes.length), bytes);
      }
    }
  }
  return new Uint8Array(Buffer.concat(parts));
}

const wireType = { varint: 0, lengthDelimited: 2 };

/** @param value a whole number from 0 to 2 ** 31 - 1 */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return Uint8Array.from([...bytes, rest]);
}
