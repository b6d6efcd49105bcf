import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { DecodeOptions, OpenDecoder, OpenWebp } from '../../shared/image/image.ts';

const webpFile = fileURLToPath(import.meta.resolve('@jsquash/webp/codec/dec/webp_dec.wasm'));
/** The decoders that are compiled to WebAssembly. */
export const decoderFile = fileURLToPath(
  new URL('../../shared/kernels/build/decoders.wasm', import.meta.url),
);

let webp: Promise<OpenWebp> | null = null;
let decoder: Promise<OpenDecoder> | null = null;

/** The decoders as WebAssembly, each loaded and compiled for the first image of its format. */
export const imageDecoders: Pick<DecodeOptions, 'webpDecoder' | 'compiledDecoder'> = {
  webpDecoder() {
    webp ??= compile(webpFile).then(
      (module) => (imports) =>
        new WebAssembly.Instance(module, imports as WebAssembly.Imports).exports,
    );
    return webp;
  },

  compiledDecoder() {
    decoder ??= compile(decoderFile).then((module) => (pages) => {
      const memory = new WebAssembly.Memory({ initial: pages });
      return { memory, exports: new WebAssembly.Instance(module, { env: { memory } }).exports };
    });
    return decoder;
  },
};

const compile = async (file: string) => WebAssembly.compile(await readFile(file));
