import type { RunEpoch } from '../run/run-records.ts';
import { type ChartColours, drawChart } from './draw-chart.ts';

/** Loss and accuracy over the epochs, as an SVG: of the training batches, the validation images and the test set. */
export function drawCurves(epochs: readonly RunEpoch[], colours: ChartColours): Promise<string> {
  const points = epochs.flatMap(({ epoch, trainLoss, validation, loss, accuracy }) => [
    { epoch, series: 'training', loss: trainLoss },
    { epoch, series: 'validation', ...validation },
    { epoch, series: 'test', loss, accuracy },
  ]);
  const drawn = ['training', 'validation', 'test'].filter((series) =>
    points.some((point) => point.series === series && point.loss !== undefined),
  );
  const panel = (field: 'loss' | 'accuracy', title: string, format: string) => ({
    title,
    width: 340,
    height: 240,
    transform: [{ filter: `isValid(datum.${field})` }],
    mark: { type: 'line' as const, point: { filled: true, size: 36 } },
    encoding: {
      x: {
        field: 'epoch',
        type: 'quantitative' as const,
        scale: { zero: false, nice: false, padding: 8 },
        axis: { tickMinStep: 1, format: 'd', grid: false, title: 'epoch' },
      },
      y: {
        field,
        type: 'quantitative' as const,
        scale: { zero: false },
        axis: { format, title: null },
      },
      color: {
        field: 'series',
        type: 'nominal' as const,
        scale: { domain: drawn, range: [...colours.series] },
      },
      strokeDash: {
        field: 'series',
        type: 'nominal' as const,
        scale: {
          domain: drawn,
          range: [
            [1, 0],
            [6, 3],
            [2, 2],
          ],
        },
      },
    },
  });
  return drawChart(
    {
      data: { values: points },
      hconcat: [panel('loss', 'Loss', '.3~f'), panel('accuracy', 'Accuracy', '.1~%')],
    },
    colours,
  );
}
