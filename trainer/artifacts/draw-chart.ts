import { parse, View } from 'vega';
import { type Config, compile, type TopLevelSpec } from 'vega-lite';

/** What a chart is drawn with: colours as CSS has them, variables included. */
export interface ChartColours {
  ground: string;
  ink: string;
  quiet: string;
  line: string;
  /** One a series, told apart by their dashes too. */
  series: readonly [string, string, string];
}

/** For a file that is looked at by itself, in anything that shows SVG. */
export const paper: ChartColours = {
  ground: '#ffffff',
  ink: '#1c1b22',
  quiet: '#5d5a68',
  line: '#dedbe4',
  series: ['#4f3cc9', '#c2571a', '#1b7440'],
};

/** For a page that defines these variables, for light and dark. */
export const page: ChartColours = {
  ground: 'var(--surface)',
  ink: 'var(--ink)',
  quiet: 'var(--quiet)',
  line: 'var(--line)',
  series: ['var(--first)', 'var(--second)', 'var(--third)'],
};

export const chartFont = 'DejaVu Sans, Verdana, sans-serif';

/** Draws a chart as an SVG. */
export async function drawChart(chart: TopLevelSpec, colours: ChartColours): Promise<string> {
  const { spec } = compile(chart, { config: configOf(colours) });
  const view = new View(parse(spec), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

const configOf = ({ ground, ink, quiet, line }: ChartColours): Config => ({
  background: ground,
  font: chartFont,
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
});
