import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { DecodeOptions, OpenJpegDecoder, WebpModule } from '../../shared/image/image.ts';

const webpFile = fileURLToPath(import.meta.resolve('@jsquash/webp/codec/dec/webp_dec.wasm'));
const jpegFile = fileURLToPath(new URL('../../shared/kernels/build/jpeg.wasm', import.meta.url));

let webp: Promise<WebpModule> | null = null;
let jpeg: Promise<OpenJpegDecoder> | null = null;

/** The decoders as WebAssembly, each loaded and compiled for the first image of its format. */
export const imageDecoders: Pick<DecodeOptions, 'webpModule' | 'openJpeg'> = {
  webpModule() {
    webp ??= compile(webpFile);
    return webp;
  },

  openJpeg() {
    jpeg ??= compile(jpegFile).then((module) => (pages) => {
      const memory = new WebAssembly.Memory({ initial: pages });
      return { memory, exports: new WebAssembly.Instance(module, { env: { memory } }).exports };
    });
    return jpeg;
  },
};

const compile = async (file: string) => WebAssembly.compile(await readFile(file));
