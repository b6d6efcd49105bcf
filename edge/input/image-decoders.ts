import type { DecodeOptions, OpenDecoder } from '../../shared/image/image.ts';

/** One function for all pictures, because shared/image/decoder.ts keeps an instance per function. */
let decoder: Promise<OpenDecoder> | null = null;

/** The compiled decoders of the Worker's upload, each loaded for the first image of its format. */
export const imageDecoders: Pick<DecodeOptions, 'webpModule' | 'compiledDecoder'> = {
  webpModule: async () => (await import('@jsquash/webp/codec/dec/webp_dec.wasm')).default,

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
