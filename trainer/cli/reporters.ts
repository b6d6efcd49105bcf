import { styleText } from 'node:util';
import { MultiBar, type Options, SingleBar } from 'cli-progress';
import { formatCount, percent, printable, printText } from '../../node/text.ts';
import { describeMove } from '../registry/move-alias.ts';
import { describeCollectMore } from '../run/collect-more.ts';
import type { Reporter, TrainReport } from '../run/record-training.ts';

/** Returns the reporter for a training: JSON lines for programs, or text and a progress bar for people. */
export const openReporter = (json: boolean): Reporter =>
  json ? jsonReporter : textReporter(process.stdout);

/** Prints one JSON object per line. Models are printed without weights and logits. */
const jsonReporter: Reporter = {
  report(report) {
    const withoutTensors = { ...report, artifacts: undefined, logits: undefined };
    process.stdout.write(`${JSON.stringify(withoutTensors)}\n`);
  },
  close() {},
};

/** Batches between two lines with the loss, as in the tutorial. */
const batchesPerLine = 100;

const barOptions: Options = {
  clearOnComplete: true,
  hideCursor: true,
  barCompleteChar: '█',
  barIncompleteChar: '░',
  barsize: 24,
};

/** @param stream gets a progress bar and colours if it is a terminal */
function textReporter(stream: NodeJS.WriteStream): Reporter {
  let started = { images: 0, steps: 0, epochs: 0, batchSize: 0 };
  let shownEpoch = 0;
  let bars: MultiBar | undefined;
  let bar: SingleBar | undefined;
  const reading = imageProgress(stream);

  function write(line: string): void {
    if (bars) bars.log(`${printable(line)}\n`);
    else printText(stream, `${line}\n`);
  }

  function openBar(): void {
    if (!stream.isTTY) return;
    bars = new MultiBar({
      ...barOptions,
      stream,
      format: '{bar} {percentage}% | loss {loss} | {speed} images/s | {eta_formatted} left',
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
      write(styleText('bold', `Epoch ${epoch}/${started.epochs}`, { stream }));
      openBar();
    }
    bar?.update(step, { loss: loss.toFixed(3), speed: formatCount(imagesPerSecond) });
    if (step % batchesPerLine !== 0) return;
    const seen = formatCount(Math.min(step * started.batchSize, started.images)).padStart(6);
    const speed = styleText('dim', `${formatCount(imagesPerSecond)} images/s`, { stream });
    // As the tutorial prints it, with the speed.
    write(`  loss: ${loss.toFixed(4)}  [${seen}/${formatCount(started.images)}]  ${speed}`);
  }

  return {
    report(report) {
      if (report.event === 'progress') {
        showProgress(report);
        return;
      }
      if (report.event === 'reading') {
        reading.update(report.done, report.of);
        if (report.done === report.of) reading.close();
        return;
      }
      if (report.event === 'started') {
        started = report;
        shownEpoch = 0;
      }
      if (report.event === 'epoch') closeBar();
      for (const line of linesOf(report, stream)) write(line);
    },
    close() {
      reading.close();
      closeBar();
    },
  };
}

function linesOf(
  report: Exclude<TrainReport, { event: 'progress' | 'reading' }>,
  stream: NodeJS.WriteStream,
): string[] {
  const dim = (text: string) => styleText('dim', text, { stream });
  switch (report.event) {
    case 'message':
      return [dim(report.message)];
    case 'dataset': {
      const { name, train, validation, test, source } = report;
      const held = validation > 0 ? `, ${formatCount(validation)} validation` : '';
      const sizes = `${formatCount(train)} training${held} and ${formatCount(test)} test images`;
      return [`Data set ${name}: ${sizes}, from ${source}`];
    }
    case 'model': {
      const { name, summary, parameters } = report;
      return [...summary, `Model ${name}: ${formatCount(parameters)} parameters`];
    }
    case 'started': {
      const { backend, skipped, threads } = report;
      const { kind, name } = backend.device;
      const threadCount = `, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
      const used = `Backend ${backend.name} on ${kind} (${name}${kind === 'CPU' ? threadCount : ''})`;
      const reasons = skipped.map(({ reason }) => dim(reason)).join('; ');
      const warnings = backend.warning ? [styleText('yellow', backend.warning, { stream })] : [];
      return [[used, ...(reasons ? [reasons] : [])].join('; '), ...warnings];
    }
    case 'epoch': {
      const { metrics, validation, imagesPerSecond } = report;
      const tested = styleText('green', `Test: ${scoresOf(metrics)}`, { stream });
      const validated = validation ? `; validation: ${scoresOf(validation)}` : '';
      return [`  ${tested}${validated}  ${dim(`${formatCount(imagesPerSecond)} images/s`)}`];
    }
    case 'checkpoint':
      return [];
    case 'stopped-early': {
      const { bestEpoch, bestAccuracy, epoch } = report;
      return [
        `Stopped early after epoch ${epoch}. Epoch ${bestEpoch} has the best validation accuracy: ${percent(bestAccuracy)}`,
      ];
    }
    case 'published':
      return [`  Published ${report.manifest.version}; ${describeMove(report.alias, report.move)}`];
    case 'finished': {
      const { epoch, lastEpoch, accuracy, seconds, run } = report;
      const time = `${Math.round(seconds)} s of training steps`;
      const model =
        epoch === lastEpoch ? '' : `; the model is that of epoch ${epoch} of ${lastEpoch}`;
      const advice = report.collect && describeCollectMore(report.collect);
      return [
        ...(advice ? [advice] : []),
        `Trained to ${percent(accuracy)} in ${time}${model}. Run: ${run}`,
      ];
    }
  }
}

const scoresOf = ({ accuracy, loss }: { accuracy: number; loss: number }) =>
  `accuracy ${percent(accuracy)}, average loss ${loss.toFixed(4)}`;

/** Returns a progress bar over images, and over those of a further step. It shows nothing if the stream is not a terminal. */
export function imageProgress(stream: NodeJS.WriteStream) {
  let bar: SingleBar | undefined;
  return {
    update(done: number, total: number): void {
      if (!stream.isTTY) return;
      if (!bar) {
        const format = '{bar} {percentage}% | {value}/{total} images | {eta_formatted} left';
        bar = new SingleBar({ ...barOptions, stream, format });
        bar.start(total, done);
      }
      bar.setTotal(total);
      bar.update(done);
    },
    /** Restores the terminal. */
    close: () => bar?.stop(),
  };
}
