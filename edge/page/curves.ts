import type { TrainingEpoch } from '../../shared/manifest.ts';
import { percent } from './bars.ts';
import { type Line, lineChart } from './chart.ts';

/** @returns accuracy and loss by epoch */
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
