import { type ChartColours, drawChart } from './draw-chart.ts';

/** With more classes than this a cell has no room for its number. */
const mostNumberedClasses = 24;

/**
 * A confusion matrix as an SVG: a row an actual class, a column a predicted one, each cell as dark as its share of the
 * row.
 *
 * @param confusion `confusion[actual][predicted]` counts images
 */
export function drawConfusion(
  confusion: readonly (readonly number[])[],
  labels: readonly string[],
  colours: ChartColours,
): Promise<string> {
  const cells = confusion.flatMap((row, actual) => {
    const support = row.reduce((sum, count) => sum + count, 0);
    return row.map((count, predicted) => ({
      actual: labels[actual],
      predicted: labels[predicted],
      count,
      share: support === 0 ? 0 : count / support,
    }));
  });
  const isNumbered = labels.length <= mostNumberedClasses;
  const axis = { grid: false, domain: false, ticks: false, labelLimit: 160 };
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
      title: 'Confusion: images of an actual class (row) by predicted class (column)',
      data: { values: cells },
      width: { step: isNumbered ? 46 : 14 },
      height: { step: isNumbered ? 34 : 14 },
      encoding: {
        x: {
          field: 'predicted',
          type: 'nominal',
          sort: [...labels],
          axis: { ...axis, labelAngle: -40, title: 'predicted' },
        },
        y: {
          field: 'actual',
          type: 'nominal',
          sort: [...labels],
          axis: { ...axis, title: 'actual' },
        },
      },
      layer: [
        {
          mark: { type: 'rect', fill: colours.series[0], stroke: colours.line },
          encoding: {
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
