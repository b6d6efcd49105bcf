import type { CompiledDecoder, OpenDecoder } from './image.ts';

/**
 * Bytes of memory that are kept for the next picture; more are given back. No file of 20 MB needs more, and sixteen pictures at once would
 * otherwise leave the memory of each to the garbage collector, which is too slow.
 */
const maxKeptBytes = 48 * 1024 * 1024;

let kept: { open: OpenDecoder; decoder: CompiledDecoder } | null = null;

/** Opens a decoder with at least this number of bytes of memory. Decoding is synchronous: one instance serves one picture at a time. */
export function openDecoder(open: OpenDecoder, bytes: number): CompiledDecoder {
  const pages = Math.ceil(bytes / 65536);
  if (kept?.open !== open) kept = { open, decoder: open(pages) };
  const { decoder } = kept;
  const missing = pages - decoder.memory.buffer.byteLength / 65536;
  if (missing > 0) decoder.memory.grow(missing);
  return decoder;
}

/** Gives a large memory back after a picture. */
export function closeDecoder({ memory }: CompiledDecoder): void {
  if (memory.buffer.byteLength > maxKeptBytes) kept = null;
}
