import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { initWasm, Resvg } from '@resvg/resvg-wasm';
import { writeAtomically } from '../../node/files.ts';
import { drawPredictions } from '../../shared/picture/draw-predictions.ts';
import type { ImageSet } from '../data/dataset.ts';
import { drawConfusion, drawCurves, paper } from './charts.ts';
import { confusionCsv } from './metrics-files.ts';
import { modelCard } from './model-card.ts';
import { pictureOf, type RunReport, reportPage } from './report.ts';
import type { RunFolder } from './run-folder.ts';
import { bestEpoch } from './run-records.ts';

/**
 * Writes what people look at into a run's folder: curves.svg, confusion.svg, confusion.csv, samples.png, report.html and
 * README.md. All but the curves are of the run's model, its best epoch.
 *
 * @param run with one epoch or more
 * @param test what the epochs were measured on
 */
export async function writeArtifacts(
  { path, config, epochs }: Pick<RunFolder, 'path' | 'config' | 'epochs'>,
  test: ImageSet,
): Promise<void> {
  const epoch = bestEpoch(epochs);
  const report: RunReport = { id: basename(path), config, epochs, epoch, test };
  const { labels } = config.spec;
  const samples = epoch.samples.map((guess) => pictureOf(report, guess));
  const files: Record<string, string | Uint8Array> = {
    'curves.svg': await drawCurves(epochs, paper),
    'confusion.svg': await drawConfusion(epoch.confusion, labels, paper),
    'confusion.csv': confusionCsv(epoch, labels),
    'samples.png': await renderPng(drawPredictions(samples)),
    'report.html': await reportPage(report),
    'README.md': modelCard(report),
  };
  for (const [file, content] of Object.entries(files)) {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    await writeAtomically(join(path, file), bytes);
  }
}

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
