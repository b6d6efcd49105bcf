import { parse, View } from 'vega';
import { type Config, compile, type TopLevelSpec } from 'vega-lite';
import { printable } from '../../node/text.ts';
import type { RunEpoch } from './run-records.ts';

/** The colours of a chart, as CSS colours or variables. */
export interface ChartColours {
  ground: string;
  ink: string;
  quiet: string;
  line: string;
  /** One per series. Dashes distinguish the series, too. */
  series: readonly [string, string, string];
}

/** For SVG files. */
export const fileColours: ChartColours = {
  ground: '#ffffff',
  ink: '#1c1b22',
  quiet: '#5d5a68',
  line: '#dedbe4',
  series: ['#4f3cc9', '#c2571a', '#1b7440'],
};

/** For a page that defines these variables for light and dark mode. */
export const pageColours: ChartColours = {
  ground: 'var(--surface)',
  ink: 'var(--ink)',
  quiet: 'var(--quiet)',
  line: 'var(--line)',
  series: ['var(--first)', 'var(--second)', 'var(--third)'],
};

/** Draws a chart as an SVG. */
async function drawChart(chart: TopLevelSpec, colours: ChartColours): Promise<string> {
  const { ground, ink, quiet, line } = colours;
  const config: Config = {
    background: ground,
    font: 'DejaVu Sans, Verdana, sans-serif',
    padding: 16,
    view: { stroke: line },
    title: { color: ink, fontSize: 14, anchor: 'start', offset: 12 },
    axis: {
      labelColor: quiet,
      titleColor: ink,
      gridColor: line,
      tickColor: line,
      domainColor: line,
      labelFontSize: 11,
      titleFontWeight: 'normal',
    },
    legend: { labelColor: ink, titleColor: ink, orient: 'bottom', title: null, labelFontSize: 12 },
  };
  const { spec } = compile(chart, { config });
  const view = new View(parse(spec), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** With more classes the cells are too small for numbers. */
const maxNumberedClasses = 24;

/**
 * Draws a confusion matrix as an SVG: one row per actual class, one column per predicted class. The darkness of a cell is
 * its share of the row.
 *
 * @param confusion `confusion[actual][predicted]`, numbers of images
 */
export function drawConfusion(
  confusion: readonly (readonly number[])[],
  labels: readonly string[],
  colours: ChartColours,
): Promise<string> {
  const cells = confusion.flatMap((row, actual) => {
    const support = row.reduce((sum, count) => sum + count, 0);
    return row.map((count, predicted) => ({
      actual,
      predicted,
      description: printable(
        `actual: ${labels[actual]}; predicted: ${labels[predicted]}; count: ${count}`,
      ),
      count,
      share: support === 0 ? 0 : count / support,
    }));
  });
  const isNumbered = labels.length <= maxNumberedClasses;
  const axis = {
    // Vega uses values as keys of objects, in which a label such as `constructor` would match a built-in property.
    labelExpr: 'labels[datum.value]',
    grid: false,
    domain: false,
    ticks: false,
    labelLimit: 160,
  };
  const numbers = {
    transform: [{ filter: 'datum.count > 0' }],
    mark: { type: 'text' as const, fontSize: 11 },
    encoding: {
      text: { field: 'count', type: 'quantitative' as const },
      color: {
        condition: { test: 'datum.share > 0.5', value: colours.ground },
        value: colours.ink,
      },
    },
  };
  return drawChart(
    {
      title: 'Confusion matrix: images by actual class (row) and predicted class (column)',
      params: [{ name: 'labels', value: labels.map(printable) }],
      data: { values: cells },
      width: { step: isNumbered ? 46 : 14 },
      height: { step: isNumbered ? 34 : 14 },
      encoding: {
        x: {
          field: 'predicted',
          type: 'nominal',
          axis: { ...axis, labelAngle: -40, title: 'predicted' },
        },
        y: {
          field: 'actual',
          type: 'nominal',
          axis: { ...axis, title: 'actual' },
        },
      },
      layer: [
        {
          mark: { type: 'rect', fill: colours.series[0], stroke: colours.line },
          encoding: {
            description: { field: 'description' },
            fillOpacity: {
              field: 'share',
              type: 'quantitative',
              scale: { domain: [0, 1], range: [0, 1] },
              legend: null,
            },
          },
        },
        ...(isNumbered ? [numbers] : []),
      ],
    },
    colours,
  );
}

/** Draws loss and accuracy by epoch as an SVG, for the training batches, the validation images and the test set. */
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
