import { closeDecoder, openDecoder } from './decoder.ts';
import { ImageError, type OpenDecoder } from './image.ts';

/** The exports of shared/kernels/assembly/inflate.ts. Their docstrings are there. */
interface Inflater {
  inflateInput(): number;
  inflateOutput(): number;
  inflateStart(): void;
  inflateGive(bytes: number, last: number): void;
  inflateUnread(): number;
  inflate(): number;
  inflated(): number;
}

/** The results of `inflate` in WebAssembly. */
const result = { invalid: 0, needsInput: 1, outputFull: 2, done: 3 } as const;

/** The decoder's room for input, and its whole memory: less than four pages of 64 KiB. */
const inputBytes = 65_536;
const memoryBytes = 4 * 65_536;

/**
 * Inflates raw deflate data (RFC 1951) in a memory of fixed size.
 *
 * @param onData receives at most 64 KiB at a time, valid only during the call. Returns whether it wants more
 * @returns the length of the data, or `null` if `onData` wanted no more, or the data is cut off
 * @throws {Error} if the data is invalid
 */
export function inflateRaw(
  open: OpenDecoder,
  data: Uint8Array,
  onData: (piece: Uint8Array) => boolean,
): number | null {
  const opened = openDecoder(open, memoryBytes);
  const inflater = opened.exports as Inflater;
  try {
    const heap = new Uint8Array(opened.memory.buffer);
    const input = inflater.inflateInput();
    const output = inflater.inflateOutput();
    inflater.inflateStart();
    let given = 0;
    let held = 0;
    for (;;) {
      const code = inflater.inflate();
      const length = inflater.inflated();
      if (length > 0 && !onData(heap.subarray(output, output + length))) return null;
      const unread = inflater.inflateUnread();
      if (code === result.done) return given - unread;
      if (code === result.invalid) throw new Error('its data is invalid');
      if (code === result.outputFull) continue;
      if (given === data.byteLength && held > 0) return null;
      heap.copyWithin(input, input + held - unread, input + held);
      const next = data.subarray(given, given + inputBytes - unread);
      heap.set(next, input + unread);
      given += next.byteLength;
      held = unread + next.byteLength;
      inflater.inflateGive(held, given === data.byteLength ? 1 : 0);
      if (held === 0) return null;
    }
  } finally {
    closeDecoder(opened);
  }
}

/**
 * Inflates a zlib stream up to a size that is known beforehand. The rest is discarded, so that a few kilobytes
 * can't fill the memory.
 *
 * @param stream a zlib stream (RFC 1950)
 * @param expectedBytes the number of inflated bytes to read
 * @param onData receives the data piece by piece; a piece is only valid during the call
 * @throws {ImageError} if the stream holds less, or is not a zlib stream
 */
export function inflate(
  open: OpenDecoder,
  stream: Uint8Array,
  expectedBytes: number,
  onData: (piece: Uint8Array) => void,
): void {
  let taken = 0;
  const take = (piece: Uint8Array) => {
    const wanted = piece.subarray(0, expectedBytes - taken);
    taken += wanted.byteLength;
    onData(wanted);
    return taken < expectedBytes;
  };
  try {
    checkZlibHeader(stream);
    inflateRaw(open, stream.subarray(2), take);
  } catch (cause) {
    if (cause instanceof ImageError) throw cause;
    throw new ImageError('bad_image', 'The image is corrupt: its compressed data is invalid.', {
      cause,
    });
  }
  if (taken < expectedBytes) {
    throw new ImageError(
      'bad_image',
      `The image is cut off: its data ends after ${taken} of ${expectedBytes} bytes.`,
    );
  }
}

/** Section 2.2: deflate with a window of at most 32 KiB, and no dictionary. */
function checkZlibHeader([method = 0, flags = 0]: Uint8Array): void {
  const isValid =
    (method & 15) === 8 && method >> 4 <= 7 && (method * 256 + flags) % 31 === 0 && !(flags & 32);
  if (!isValid) throw new Error('it has no valid header');
}
