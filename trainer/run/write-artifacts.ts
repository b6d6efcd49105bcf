import { basename, join } from 'node:path';
import { writeAtomically } from '../../node/files.ts';
import { drawPredictions } from '../../shared/picture/draw-predictions.ts';
import type { ImageSet } from '../data/dataset.ts';
import { drawConfusion, drawCurves, fileColours } from './charts.ts';
import { confusionCsv } from './metrics-files.ts';
import { modelCard } from './model-card.ts';
import { epochInModel } from './read-run.ts';
import { renderPng } from './render-png.ts';
import { pictureOf, type RunReport, reportPage } from './report.ts';
import type { RunFolder } from './run-folder.ts';

/**
 * Writes the files for people into a run's folder: curves.svg, confusion.svg, confusion.csv, samples.png, report.html and
 * README.md. All but the curves describe the epoch whose weights are in model/.
 *
 * @param run with at least one epoch
 * @param test the images on which the epochs were measured
 */
export async function writeArtifacts(
  { path, config, epochs }: Pick<RunFolder, 'path' | 'config' | 'epochs'>,
  test: ImageSet,
): Promise<void> {
  const epoch = await epochInModel(path, epochs);
  const report: RunReport = { id: basename(path), config, epochs, epoch, test };
  const { labels } = config.spec;
  const samples = epoch.samples.map((sample) => pictureOf(report, sample));
  const files = {
    'curves.svg': await drawCurves(epochs, fileColours),
    'confusion.svg': await drawConfusion(epoch.confusion, labels, fileColours),
    'confusion.csv': confusionCsv(epoch, labels),
    'samples.png': await renderPng(drawPredictions(samples)),
    'report.html': await reportPage(report),
    'README.md': modelCard(report),
  };
  for (const [file, content] of Object.entries(files)) {
    await writeAtomically(join(path, file), content);
  }
}
