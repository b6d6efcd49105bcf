import { MultiBar, type SingleBar } from 'cli-progress';
import type { Reporter, TrainReport } from '../run/reporter.ts';
import { formatCount, textLines } from './text.ts';

/** How often the loss gets a line of its own, as in the tutorial. */
const batchesPerLine = 100;

/**
 * Shows a training to people: a progress bar on a terminal, and lines everywhere.
 *
 * @param stream decides about bar and colours by whether it is a terminal
 */
export function textReporter(
  stream: NodeJS.WriteStream,
  recipe: { epochs: number; batchSize: number },
): Reporter {
  const text = textLines(stream);
  let started = { images: 0, steps: 0 };
  let shownEpoch = 0;
  let bars: MultiBar | undefined;
  let bar: SingleBar | undefined;

  function write(line: string): void {
    if (bars) bars.log(`${line}\n`);
    else stream.write(`${line}\n`);
  }

  function openBar(): void {
    if (!stream.isTTY) return;
    bars = new MultiBar({
      stream,
      clearOnComplete: true,
      hideCursor: true,
      format: '{bar} {percentage}% | loss {loss} | {speed} images/s | {eta_formatted} left',
      barCompleteChar: '█',
      barIncompleteChar: '░',
      barsize: 24,
      etaBuffer: 200,
    });
    bar = bars.create(started.steps, 0, { loss: '-', speed: '-' });
  }

  function closeBar(): void {
    bars?.stop();
    bars = undefined;
    bar = undefined;
  }

  function showProgress(progress: Extract<TrainReport, { event: 'progress' }>): void {
    const { epoch, step, loss, imagesPerSecond } = progress;
    if (epoch !== shownEpoch) {
      shownEpoch = epoch;
      write(text.epochLine(epoch, recipe.epochs));
      openBar();
    }
    bar?.update(step, { loss: loss.toFixed(3), speed: formatCount(imagesPerSecond) });
    if (step % batchesPerLine === 0) {
      const seen = Math.min(step * recipe.batchSize, started.images);
      write(text.lossLine(loss, seen, started.images, imagesPerSecond));
    }
  }

  return {
    report(report) {
      if (report.event === 'progress') {
        showProgress(report);
        return;
      }
      if (report.event === 'started') started = report;
      if (report.event === 'epoch') closeBar();
      for (const line of text.linesOf(report)) write(line);
    },
    close: closeBar,
  };
}

/** One JSON object a line; models come without their weights and logits. */
export function jsonReporter(write: (text: string) => void): Reporter {
  return {
    report(report) {
      const withoutTensors = { ...report, artifacts: undefined, logits: undefined };
      write(`${JSON.stringify(withoutTensors)}\n`);
    },
    close() {},
  };
}
