import type { DecodeOptions, OpenDecoder, OpenWebp } from '../../shared/image/image.ts';

/** One function per decoder for all pictures, because shared/image keeps an instance per function. */
let webp: Promise<OpenWebp> | null = null;
let decoder: Promise<OpenDecoder> | null = null;

/** The compiled decoders of the Worker's upload, each loaded for the first image of its format. */
export const imageDecoders: Pick<DecodeOptions, 'webpDecoder' | 'compiledDecoder'> = {
  webpDecoder() {
    webp ??= import('@jsquash/webp/codec/dec/webp_dec.wasm').then(
      ({ default: module }) =>
        (imports) =>
          new WebAssembly.Instance(module, imports as WebAssembly.Imports).exports,
    );
    return webp;
  },

  compiledDecoder() {
    decoder ??= import('../../shared/kernels/build/decoders.wasm').then(
      ({ default: module }) =>
        (pages) => {
          const memory = new WebAssembly.Memory({ initial: pages });
          return { memory, exports: new WebAssembly.Instance(module, { env: { memory } }).exports };
        },
    );
    return decoder;
  },
};
