import { styleText } from 'node:util';
import { describeMove } from '../registry/move-alias.ts';
import type { TrainReport } from '../run/reporter.ts';

/** Turns reports into lines for people; progress has its own way. */
export interface TextLines {
  linesOf(report: Exclude<TrainReport, { event: 'progress' }>): string[];
  /** `loss: 0.3861  [19,200/60,000]  1,004 images/s`, as the tutorial prints it */
  lossLine(loss: number, seen: number, images: number, imagesPerSecond: number): string;
  epochLine(epoch: number, epochs: number): string;
}

const integer = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

export const formatCount = (count: number): string => integer.format(count);

export const percent = (share: number) => `${(100 * share).toFixed(2)} %`;

/** @param stream decides about colours by whether it is a terminal */
export function textLines(stream: NodeJS.WriteStream): TextLines {
  const style = (format: Parameters<typeof styleText>[0], text: string) =>
    styleText(format, text, { stream });
  return {
    epochLine: (epoch, epochs) => style('bold', `Epoch ${epoch}/${epochs}`),
    lossLine(loss, seen, images, imagesPerSecond) {
      const counted = `[${formatCount(seen).padStart(6)}/${formatCount(images)}]`;
      const speed = style('dim', `${formatCount(imagesPerSecond)} images/s`);
      return `  loss: ${loss.toFixed(4)}  ${counted}  ${speed}`;
    },
    linesOf(report) {
      switch (report.event) {
        case 'message':
          return [style('dim', report.message)];
        case 'dataset': {
          const { name, train, test, source } = report;
          const sizes = `${formatCount(train)} training and ${formatCount(test)} test images`;
          return [`Data set ${name}: ${sizes}, from ${source}`];
        }
        case 'model':
          return [
            ...report.summary,
            `Model ${report.name}: ${formatCount(report.parameters)} parameters`,
          ];
        case 'started': {
          const { backend, skipped, threads } = report;
          const { kind, name } = backend.device;
          const counted = `, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
          const used = `Backend ${backend.name} on ${kind} (${name}${kind === 'CPU' ? counted : ''})`;
          return [[used, ...skipped.map(({ reason }) => style('dim', reason))].join('; ')];
        }
        case 'epoch': {
          const { accuracy, loss } = report.metrics;
          const scores = `Test: accuracy ${percent(accuracy)}, average loss ${loss.toFixed(4)}`;
          const speed = `${formatCount(report.imagesPerSecond)} images/s`;
          const validated = report.validation
            ? `; validation: accuracy ${percent(report.validation.accuracy)}, average loss ${report.validation.loss.toFixed(4)}`
            : '';
          return [`  ${style('green', scores)}${validated}  ${style('dim', speed)}`];
        }
        case 'checkpoint':
          return [];
        case 'stopped-early': {
          const { bestEpoch, bestAccuracy, epoch } = report;
          return [
            `Stopped after epoch ${epoch}: the best validation accuracy, ${percent(bestAccuracy)}, is that of epoch ${bestEpoch}`,
          ];
        }
        case 'published':
          return [
            `  Published ${report.manifest.version}; ${describeMove(report.alias, report.move)}`,
          ];
        case 'finished': {
          const { accuracy, seconds, run } = report;
          const time = `${Math.round(seconds)} s of training steps`;
          return [`Trained to ${percent(accuracy)} in ${time}. Run: ${run}`];
        }
      }
    },
  };
}

/** Columns as wide as their widest cell; the heading is bold on a terminal. */
export function textTable(heading: string[], rows: string[][]): string {
  const lines = [heading, ...rows];
  const widths = heading.map((_, column) =>
    Math.max(...lines.map((cells) => cells[column]?.length ?? 0)),
  );
  const [first = '', ...rest] = lines.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return `${[styleText('bold', first, { stream: process.stdout }), ...rest].join('\n')}\n`;
}
