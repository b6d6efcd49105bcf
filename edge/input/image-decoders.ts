import type { DecodeOptions } from '../../shared/image/image.ts';

/** The compiled decoders of the Worker's upload, each loaded when the first image of its format comes. */
export const imageDecoders: Pick<DecodeOptions, 'webpModule' | 'openJpeg'> = {
  webpModule: async () => (await import('@jsquash/webp/codec/dec/webp_dec.wasm')).default,

  async openJpeg() {
    const { default: module } = await import('../../shared/kernels/build/jpeg.wasm');
    return function openDecoder(pages) {
      const memory = new WebAssembly.Memory({ initial: pages });
      return { memory, exports: new WebAssembly.Instance(module, { env: { memory } }).exports };
    };
  },
};
