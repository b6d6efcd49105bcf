import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { initWasm, Resvg } from '@resvg/resvg-wasm';

const { resolve } = createRequire(import.meta.url);
let font: Promise<Uint8Array> | undefined;

/** Initializes the WebAssembly module, which a process can do only once, and loads the font. */
async function load(): Promise<Uint8Array> {
  await initWasm(await readFile(resolve('@resvg/resvg-wasm/index_bg.wasm')));
  return readFile(resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf'));
}

/**
 * Renders an SVG as a PNG of the same size. Text is set in the bundled DejaVu Sans (Latin, Greek, Cyrillic, Arabic and
 * more), because machines have different fonts or none.
 */
export async function renderPng(svg: string): Promise<Uint8Array> {
  font ??= load();
  const fontBuffers = [await font];
  const renderer = new Resvg(svg, { font: { fontBuffers, defaultFontFamily: 'DejaVu Sans' } });
  try {
    const image = renderer.render();
    const png = image.asPng();
    image.free();
    return png;
  } finally {
    renderer.free();
  }
}
