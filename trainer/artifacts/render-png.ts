import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { initWasm, Resvg } from '@resvg/resvg-wasm';

const { resolve } = createRequire(import.meta.url);
let font: Promise<Uint8Array> | undefined;

/** WebAssembly takes it once a process. The font comes along, for machines have others or none. */
async function load(): Promise<Uint8Array> {
  await initWasm(await readFile(resolve('@resvg/resvg-wasm/index_bg.wasm')));
  return readFile(resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf'));
}

/** Draws an SVG as a PNG of the same size. Its text is set in DejaVu Sans: Latin, Greek, Cyrillic, Arabic and more. */
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
