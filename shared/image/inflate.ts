import { Unzlib, unzlibSync } from 'fflate';
import { ImageError } from './image.ts';

/**
 * Input handed to the inflater at once. Deflate expands by 1032 at most, so no push yields more than
 * 17 MB before the bound is looked at.
 */
const pieceBytes = 16 * 1024;

/**
 * Inflates a zlib stream whose exact size is known beforehand. A stream that holds more is given up
 * on as soon as it shows, so that a few kilobytes can't fill the memory.
 *
 * @param parts the stream, in order
 * @param expectedBytes what it must inflate to
 * @throws {ImageError} where it holds less or more, or is no zlib stream
 */
export function inflateExactly(parts: Uint8Array[], expectedBytes: number): Uint8Array {
  const [only] = parts;
  // A streaming inflater takes ten times as long to set up as an icon takes to inflate.
  if (only && parts.length === 1 && only.byteLength <= pieceBytes) {
    return checkSize(inflateAtOnce(only, expectedBytes), expectedBytes);
  }
  return inflateInPieces(parts, expectedBytes);
}

/** Of a stream that holds more than expected, one byte more than expected. */
function inflateAtOnce(stream: Uint8Array, expectedBytes: number): Uint8Array {
  try {
    return unzlibSync(stream, { out: new Uint8Array(expectedBytes + 1) });
  } catch (cause) {
    throw new ImageError('bad_image', `The image's data can't be inflated: ${cause}.`, { cause });
  }
}

function inflateInPieces(parts: Uint8Array[], expectedBytes: number): Uint8Array {
  const output = new Uint8Array(expectedBytes);
  let written = 0;
  const inflater = new Unzlib((piece) => {
    if (written + piece.byteLength > expectedBytes) throw tooMuch(expectedBytes);
    output.set(piece, written);
    written += piece.byteLength;
  });
  try {
    for (const part of parts) {
      for (let start = 0; start < part.byteLength; start += pieceBytes) {
        inflater.push(part.subarray(start, start + pieceBytes));
      }
    }
    inflater.push(new Uint8Array(0), true);
  } catch (cause) {
    if (cause instanceof ImageError) throw cause;
    throw new ImageError('bad_image', `The image's data can't be inflated: ${cause}.`, { cause });
  }
  return checkSize(output.subarray(0, written), expectedBytes);
}

function checkSize(inflated: Uint8Array, expectedBytes: number): Uint8Array {
  const { byteLength } = inflated;
  if (byteLength > expectedBytes) throw tooMuch(expectedBytes);
  if (byteLength < expectedBytes) {
    throw new ImageError(
      'bad_image',
      `The image's data is cut off: ${byteLength} bytes where its size calls for ${expectedBytes}.`,
    );
  }
  return inflated;
}

const tooMuch = (expectedBytes: number) =>
  new ImageError(
    'bad_image',
    `The image's data holds more than the ${expectedBytes} bytes that its size calls for.`,
  );
