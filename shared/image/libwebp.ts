/**
 * Calls libwebp's decoder in `@jsquash/webp/codec/dec/webp_dec.wasm` (version 1.5.0, whose imports and exports have the names below).
 * The package's own glue code binds any C++ program to JavaScript; it is 20 times longer than this one function needs.
 */
import type { OpenWebp, RasterImage } from './image.ts';

interface WebpExports {
  /** The memory. */
  s: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  /** Runs the static constructors, which register the functions. */
  t(): void;
  /** malloc */
  u(bytes: number): number;
  /** The table of functions. */
  y: { get(index: number): (...values: number[]) => number };
}

export interface Libwebp {
  /**
   * Decodes a still picture.
   *
   * @returns `null` if libwebp refuses the file
   * @throws {Error} if the decoder fails. Its state is unknown then
   */
  decode(file: Uint8Array): RasterImage | null;
}

const pageBytes = 64 * 1024;
/** Bytes from one argument to the next, as Emscripten's `val` passes them in memory. */
const argumentBytes = 8;

/** Handles of the values that C++ receives or returns. It constructs only pictures and their pixels. */
const handles = { none: 2, constructor: 5, pixels: 6, picture: 7 };

/** Makes a decoder whose memory is restored after each picture: a hostile file can't reach the next file's pixels. */
export function openLibwebp(open: OpenWebp): Libwebp {
  let registered: ((file: number) => number) | null = null;
  let pixels: Uint8Array | null = null;
  let size = { width: 0, height: 0 };
  const words = () => new Uint32Array(exports.s.buffer);
  const ignore = () => {};
  const fail = (): never => {
    throw new Error('libwebp has failed.');
  };

  function registerFunction(
    name: number,
    _argumentCount: number,
    _argumentTypes: number,
    _signature: number,
    invoker: number,
    target: number,
  ): void {
    if (!textAt(exports.s.buffer, name).startsWith('decode')) return;
    const invoke = exports.y.get(invoker);
    registered = (file) => invoke(target, file);
  }

  /** Called for the pixels, with a view of the memory, and then for the picture, with its pixels, width and height. */
  function construct(_constructor: number, count: number, _types: number, values: number): number {
    const memory = words();
    const value = (place: number) => memory[(values + place * argumentBytes) / 4] as number;
    if (count === 1) {
      const start = memory[values / 4 + 1] as number;
      pixels = new Uint8Array(exports.s.buffer).slice(start, start + value(0));
      return handles.pixels;
    }
    size = { width: value(1), height: value(2) };
    return handles.picture;
  }

  function growMemory(bytes: number): boolean {
    const missing = Math.ceil((bytes - exports.s.buffer.byteLength) / pageBytes);
    try {
      return exports.s.grow(missing) >= 0;
    } catch {
      return false;
    }
  }

  const exports = open({
    a: {
      n: fail,
      j: fail,
      c: registerFunction,
      e: () => handles.constructor,
      h: construct,
      q: (to: number, from: number, bytes: number) => {
        new Uint8Array(exports.s.buffer).copyWithin(to, from, from + bytes);
      },
      p: growMemory,
      // Types of other functions, and reference counts of handles.
      ...Object.fromEntries(Array.from('olrkbagfmdi', (name) => [name, ignore])),
    },
  }) as WebpExports;
  exports.t();
  const start = usedPart(exports.s.buffer).slice();

  return {
    decode(file) {
      // A std::string: its length and its bytes.
      const text = exports.u(4 + file.byteLength + 1);
      words()[text / 4] = file.byteLength;
      new Uint8Array(exports.s.buffer).set(file, text + 4);
      const handle = registered?.(text);
      const used = usedPart(exports.s.buffer);
      used.fill(0, start.length);
      used.set(start);
      if (handle === handles.none || pixels === null) return null;
      const image = { ...size, data: pixels };
      pixels = null;
      return image;
    },
  };
}

/** Returns the memory up to its last byte that is not zero. Memory that was never used is not touched. */
function usedPart(buffer: ArrayBuffer): Uint8Array {
  const words = new Uint32Array(buffer);
  let end = words.length;
  while (end > 0 && words[end - 1] === 0) end--;
  return new Uint8Array(buffer, 0, 4 * end);
}

function textAt(buffer: ArrayBuffer, start: number): string {
  const bytes = new Uint8Array(buffer, start, 16);
  return String.fromCharCode(...bytes.subarray(0, bytes.indexOf(0)));
}
