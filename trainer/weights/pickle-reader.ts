import { WeightsFileError } from './tensor.ts';

/** Reads the opcodes of a pickle and their operands, and checks that none reaches beyond its end. */
export class PickleReader {
  readonly #bytes: Buffer;
  #at = 0;
  #opcodeAt = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  opcode(): number {
    this.#opcodeAt = this.#at;
    return this.uint(1);
  }

  /** Returns the error for a problem with the current opcode. */
  error(problem: string): WeightsFileError {
    return new WeightsFileError(`The pickle can't be read: ${problem} at byte ${this.#opcodeAt}.`);
  }

  /** Returns what follows. */
  rest(): Uint8Array {
    return this.#bytes.subarray(this.#at);
  }

  /** Moves past some bytes and returns the position of the first one. */
  skip(bytes: number): number {
    if (bytes > this.#bytes.byteLength - this.#at) {
      throw this.error('it ends in the middle of an opcode');
    }
    this.#at += bytes;
    return this.#at - bytes;
  }

  /** Reads an unsigned integer of at most six bytes. */
  uint(bytes: number): number {
    return this.#bytes.readUIntLE(this.skip(bytes), bytes);
  }

  /** Reads a size. One beyond 2^53 loses precision, but exceeds the pickle in any case. */
  uint64(): number {
    return Number(this.#bytes.readBigUInt64LE(this.skip(8)));
  }

  float64(): number {
    return this.#bytes.readDoubleBE(this.skip(8));
  }

  /** Reads a signed integer: a bigint if it is beyond 2^53, such as a seed of 64 bits. */
  long(bytes: number): number | bigint {
    // Each further byte costs as much as all before it.
    if (bytes > 1024) throw this.error('an integer has more than 1,024 bytes');
    const from = this.skip(bytes);
    let value = 0n;
    for (const byte of this.#bytes.subarray(from, from + bytes).toReversed()) {
      value = (value << 8n) | BigInt(byte);
    }
    const signed = BigInt.asIntN(8 * bytes, value);
    const number = Number(signed);
    return Number.isSafeInteger(number) ? number : signed;
  }

  /** Reads a string of Python 2. */
  latin1(bytes: number): string {
    const from = this.skip(bytes);
    return this.#bytes.toString('latin1', from, from + bytes);
  }

  text(bytes: number): string {
    const from = this.skip(bytes);
    try {
      return utf8.decode(this.#bytes.subarray(from, from + bytes));
    } catch {
      throw this.error('a string is not UTF-8');
    }
  }

  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw this.error('it ends in the middle of a name');
    const line = this.text(end - this.#at);
    this.skip(1);
    return line;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });
