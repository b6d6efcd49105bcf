import type { OpenDecoder, RasterImage } from '../../shared/image/image.ts';
import { type Inversion, toModelInput } from '../../shared/image/model-input.ts';
import { inputOptionsFor, type ModelSpec } from '../../shared/model/model-spec.ts';
import { rasterize } from './element.ts';
import { Trouble } from './requests.ts';

/** @returns the network's input, height x width x channels bytes. Fails if the browser can't decode the picture */
export type ToInput = (picture: Blob, invert?: Inversion) => Promise<Uint8Array>;

/** Opens what turns pictures into a network's input, in this browser as in the Worker. */
export async function openNetworkInput(spec: ModelSpec): Promise<ToInput> {
  const decoder = await loadDecoder();
  const options = { ...inputOptionsFor(spec), compiledDecoder: async () => decoder };
  return async (picture, invert = 'auto') => {
    const { pixels } = await toModelInput(await decode(picture), { ...options, invert });
    return pixels;
  };
}

/** Loads what isolates garments. */
async function loadDecoder(): Promise<OpenDecoder> {
  const response = await fetch(new URL('wasm/decoders.wasm', document.baseURI));
  if (!response.ok) {
    throw new Trouble('no_file', 'decoders.wasm does not load', response.statusText);
  }
  const module = await WebAssembly.compile(await response.arrayBuffer());
  return (pages) => {
    const memory = new WebAssembly.Memory({ initial: pages });
    return { memory, exports: new WebAssembly.Instance(module, { env: { memory } }).exports };
  };
}

async function decode(picture: Blob): Promise<RasterImage> {
  const bitmap = await createImageBitmap(picture, { colorSpaceConversion: 'none' });
  const { width, height } = bitmap;
  const { data } = rasterize(bitmap, width, height).getImageData(0, 0, width, height);
  bitmap.close();
  return { width, height, data: new Uint8Array(data.buffer) };
}
