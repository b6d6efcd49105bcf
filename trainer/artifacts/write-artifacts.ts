import { basename, join } from 'node:path';
import { drawPredictions } from '../../shared/picture/draw-predictions.ts';
import type { ImageSet } from '../dataset/dataset.ts';
import { writeAtomically } from '../dataset/write-atomically.ts';
import type { RunFolder } from '../run/run-folder.ts';
import { bestEpoch } from '../run/run-records.ts';
import { paper } from './draw-chart.ts';
import { drawConfusion } from './draw-confusion.ts';
import { drawCurves } from './draw-curves.ts';
import { confusionCsv } from './metrics-csv.ts';
import { modelCard } from './model-card.ts';
import { renderPng } from './render-png.ts';
import { reportPage } from './report-page.ts';
import { pictureOf, type RunReport } from './run-report.ts';

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
