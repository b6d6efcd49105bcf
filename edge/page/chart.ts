import type { TrainingEpoch } from '../../shared/registry/manifest.ts';
import { percent } from './bars.ts';
import { make, makeSvg } from './element.ts';

interface Line {
  name: string;
  /** In the stylesheet: one-line, two-line. */
  className: string;
  points: { x: number; y: number }[];
}

interface ChartOptions {
  title: string;
  lines: Line[];
  /** The end of the x axis, from the start on: the last epoch of the training. */
  until: number;
  format: (y: number) => string;
}

const width = 480;
const height = 220;
const margin = { top: 14, right: 14, bottom: 26, left: 52 };

/** A line chart over epochs with a legend. A table elsewhere has the numbers for screen readers. */
function lineChart({ title, lines, until, format }: ChartOptions): HTMLElement {
  const shown = lines.filter(({ points }) => points.length > 0);
  const ys = shown.flatMap(({ points }) => points.map(({ y }) => y));
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const pad = (high - low || Math.abs(high) || 1) * 0.08;
  const [bottom, top] = [low - pad, high + pad];
  const first = Math.min(1, ...shown.flatMap(({ points }) => points.map(({ x }) => x)));
  const last = Math.max(until, first + 1);
  const px = (x: number) =>
    margin.left + ((x - first) / (last - first)) * (width - margin.left - margin.right);
  const py = (y: number) =>
    height -
    margin.bottom -
    ((y - bottom) / (top - bottom)) * (height - margin.top - margin.bottom);

  const svg = makeSvg('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img' });
  svg.append(makeSvg('title', {}, `${title} by epoch`));
  for (const y of [low, (low + high) / 2, high]) {
    const line = { x1: margin.left, x2: width - margin.right, y1: py(y), y2: py(y), class: 'grid' };
    svg.append(
      makeSvg('line', line),
      makeSvg('text', { x: margin.left - 8, y: py(y) + 4, class: 'y' }, format(y)),
    );
  }
  const step = Math.max(1, Math.ceil((last - first) / 8));
  for (let x = first; x <= Math.max(until, first); x += step) {
    svg.append(makeSvg('text', { x: px(x), y: height - 6, class: 'x' }, String(x)));
  }
  for (const { className, points } of shown) {
    const path = points.map(({ x, y }) => `${px(x).toFixed(1)},${py(y).toFixed(1)}`).join(' ');
    svg.append(makeSvg('polyline', { points: path, class: className }));
    const { x, y } = points.at(-1) as { x: number; y: number };
    svg.append(makeSvg('circle', { cx: px(x), cy: py(y), r: 4, class: className }));
  }
  const legend = shown.map(({ name, className }) =>
    make('span', { className: `key ${className}`, textContent: name }),
  );
  return make('figure', { className: 'chart' }, make('figcaption', {}, title, ' ', ...legend), svg);
}

/** Charts of accuracy and loss by epoch. */
export function curves(history: TrainingEpoch[], epochs: number): HTMLElement[] {
  const line = (
    name: string,
    className: string,
    value: (epoch: TrainingEpoch) => number | undefined,
  ): Line => ({
    name,
    className,
    points: history.flatMap((epoch) => {
      const y = value(epoch);
      return y === undefined ? [] : [{ x: epoch.epoch, y }];
    }),
  });
  return [
    lineChart({
      title: 'Accuracy',
      lines: [
        line('test', 'one-line', ({ accuracy }) => accuracy),
        line('validation', 'two-line', ({ validationAccuracy }) => validationAccuracy),
      ],
      until: epochs,
      format: (y) => percent(y),
    }),
    lineChart({
      title: 'Loss',
      lines: [
        line('test', 'one-line', ({ loss }) => loss),
        line('training', 'two-line', ({ trainLoss }) => trainLoss),
      ],
      until: epochs,
      format: (y) => y.toFixed(2),
    }),
  ];
}
