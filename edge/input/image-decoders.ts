import type { DecodeOptions, OpenJpegDecoder } from '../../shared/image/image.ts';

/** One function for all pictures, because shared/image/jpeg.ts keeps the instance of each. */
let jpeg: Promise<OpenJpegDecoder> | null = null;

/** The compiled decoders of the Worker's upload, each loaded when the first image of its format comes. */
export const imageDecoders: Pick<DecodeOptions, 'webpModule' | 'openJpeg'> = {
  webpModule: async () => (await import('@jsquash/webp/codec/dec/webp_dec.wasm')).default,

  openJpeg() {
    jpeg ??= import('../../shared/kernels/build/jpeg.wasm').then(
      ({ default: module }) =>
        (pages) => {
          const memory = new WebAssembly.Memory({ initial: pages });
          return { memory, exports: new WebAssembly.Instance(module, { env: { memory } }).exports };
        },
    );
    return jpeg;
  },
};
