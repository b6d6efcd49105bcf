import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { WebpModule } from '../../shared/image/decode-webp.ts';

const path = fileURLToPath(import.meta.resolve('@jsquash/webp/codec/dec/webp_dec.wasm'));
let compiled: Promise<WebpModule> | null = null;

/** libwebp's decoder, read and compiled when it is first asked for. */
export function webpModule(): Promise<WebpModule> {
  compiled ??= readFile(path).then((bytes) => WebAssembly.compile(bytes));
  return compiled;
}
