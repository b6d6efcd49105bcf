import { constants } from 'node:os';
import { styleText } from 'node:util';
import * as z from 'zod';
import { argument } from '../../node/options.ts';
import { percent, printResult, printText, textTable } from '../../node/text.ts';
import type { Bucket } from '../registry/bucket.ts';
import type { DatasetPublication } from '../sweep/publish-best.ts';
import type { LocalSweepEvent } from '../sweep/run-locally.ts';
import {
  bestOfEach,
  bestTrial,
  isFinished,
  readTrials,
  type Sweep,
  sweepNameSchema,
  type Trial,
} from '../sweep/sweep-records.ts';
import {
  bucketOptions,
  jsonOption,
  openNamedBucket,
  publishOptions,
  requireReason,
} from './bucket-options.ts';
import { defineCommand } from './command.ts';
import { printPublication } from './publish-command.ts';

const sweepArgument = argument('name of the sweep', sweepNameSchema);
const resultOptions = z.object({ sweep: sweepArgument, ...bucketOptions, json: jsonOption });

export const status = defineCommand({
  name: 'status',
  description: 'Lists the trials with their state, epoch and validation accuracy.',
  options: resultOptions,
  async run(options, { signal }) {
    const { sweep: name, json } = options;
    const bucket = await openNamedBucket(options, signal);
    const { sweep, trials } = await readTrialsOf(bucket, name);
    printResult(json, { name, trials }, () => sweepTable(sweep, trials));
  },
});

export const best = defineCommand({
  name: 'best',
  description:
    'Shows the trial with the best validation accuracy; of several data sets, the best trial of each.',
  options: resultOptions,
  async run(options, { signal }) {
    const { sweep: name, json } = options;
    const { sweep, trials } = await readTrialsOf(await openNamedBucket(options, signal), name);
    if (sweep.datasets) {
      const datasets = bestOfEach(sweep, trials).map(({ dataset, best }) => ({ ...dataset, best }));
      printResult(json, { name, datasets }, () => sweepTable(sweep, trials));
      return;
    }
    const best = bestOf(name, trials);
    printResult(json, { name, best }, () => {
      const { index, parameters, result } = best;
      const { accuracy, loss } = result.validation;
      const lines = [
        `Trial ${index}: validation accuracy ${percent(accuracy)}, loss ${loss.toFixed(4)}, after epoch ${result.epoch}`,
        ...Object.entries(parameters).map(([option, value]) => `  ${option}: ${value}`),
        `Publish it with: npx catwalk sweep publish ${name}`,
      ];
      return `${lines.join('\n')}\n`;
    });
  },
});

export const publishBest = defineCommand({
  name: 'publish',
  description:
    'Publishes the model of the best trial as a new version; of several data sets, the best model of each.',
  options: z.object({ sweep: sweepArgument, ...publishOptions }),
  async run(options, { signal }) {
    requireReason(options);
    const bucket = await openNamedBucket(options, signal);
    const { sweep, trials } = await readTrialsOf(bucket, options.sweep);
    if (sweep.datasets) {
      await publishEach(bucket, sweep, trials, { ...options, signal });
      return;
    }
    const { index } = bestOf(sweep.name, trials);
    const { publishTrial } = await import('../sweep/publish-best.ts');
    const published = await publishTrial(bucket, sweep.name, index, { ...options, signal });
    await printPublication(bucket, published, options);
  },
});

type PublishOptions = z.output<z.ZodObject<typeof publishOptions>>;

/** Publishes the best model of each data set. Sets exit code 1 if one is not published, or its alias does not move. */
async function publishEach(
  bucket: Bucket,
  sweep: Sweep,
  trials: readonly Trial[],
  options: PublishOptions & { signal: AbortSignal },
): Promise<void> {
  const { alias = null, json } = options;
  const { describeMove } = await import('../registry/move-alias.ts');
  const { publishBestOfEach } = await import('../sweep/publish-best.ts');
  const lineOf = (publication: DatasetPublication) => {
    if ('error' in publication) {
      const failed = styleText('red', 'not published', { stream: process.stdout });
      return `${publication.name}: ${failed}: ${publication.error}\n`;
    }
    const { model, version, move } = publication;
    const moved = move ? `; ${describeMove(alias ?? '', move)}` : '';
    return `Published ${version} of ${model}${moved}\n`;
  };
  const bests = bestOfEach(sweep, trials);
  const models = await publishBestOfEach(bucket, sweep, bests, options, (publication) => {
    if (!json) printText(process.stdout, lineOf(publication));
  });
  const failed = models.filter((model) => 'error' in model).length;
  const kept = models.filter((model) => 'move' in model && model.move?.outcome === 'kept').length;
  const published = models.length - failed;
  printResult(json, { name: sweep.name, alias, published, kept, failed, models }, () => {
    const counts = `${published} of ${models.length} models published to ${bucket.url}`;
    return `${counts}${alias && kept > 0 ? `; ${kept} times ${alias} did not move` : ''}\n`;
  });
  if (failed + kept > 0) process.exitCode = 1;
}

async function readTrialsOf(bucket: Bucket, name: string) {
  const { readSweep } = await import('../sweep/open-sweep.ts');
  const sweep = await readSweep(bucket, name);
  if (sweep === null) {
    throw new Error(
      `There is no sweep ${name} in ${bucket.url}. \`catwalk sweep create\` creates one.`,
    );
  }
  return { sweep, trials: await readTrials(bucket, sweep) };
}

function bestOf(name: string, trials: readonly Trial[]) {
  const best = bestTrial(trials);
  if (best) return best;
  throw new Error(
    `No trial of the sweep ${name} has a result yet. \`catwalk sweep status ${name}\` shows their states.`,
  );
}

/** Formats a progress event of a local sweep. */
export function sweepEventLine(event: LocalSweepEvent): string {
  const start = `Trial ${event.trial}`;
  if (event.event === 'trial-started') return `${start} started\n`;
  if (event.event === 'trial-epoch') {
    const { epoch, validationAccuracy } = event;
    return `${start} epoch ${epoch}: validation accuracy ${percent(validationAccuracy)}\n`;
  }
  if (event.code === 0) return `${start} done${event.message ? `: ${event.message}` : ''}\n`;
  if (event.code === 128 + constants.signals.SIGTERM) return `${start} stopped\n`;
  const failed = `${start} failed with exit code ${event.code}`;
  return `${styleText('red', failed, { stream: process.stdout })}: ${event.message}\n`;
}

/** Formats a table with one row per trial or, in a sweep over several data sets, per data set. */
export function sweepTable(sweep: Sweep, trials: readonly Trial[]): string {
  if (sweep.datasets) return datasetTable(sweep, trials);
  const names = Object.keys(sweep.trials[0]?.parameters ?? {});
  const best = bestTrial(trials);
  const heading = ['TRIAL', 'STATE', 'EPOCH', 'VALIDATION', ...names, 'NOTE'];
  const rows = trials.map((trial) => {
    const { index, parameters, status, result } = trial;
    return [
      String(index),
      status?.state ?? 'waiting',
      String(result?.epoch ?? status?.epoch ?? '-'),
      result ? percent(result.validation.accuracy) : '-',
      ...names.map((name) => String(parameters[name])),
      index === best?.index ? 'best' : noteOf(trial),
    ];
  });
  return textTable(heading, rows);
}

function datasetTable(sweep: Sweep, trials: readonly Trial[]): string {
  const rows = bestOfEach(sweep, trials).map(({ dataset, trials: own, best }) => {
    const done = own.filter(({ status }) => isFinished(status)).length;
    const [note = ''] = own.map(noteOf).filter(Boolean);
    return [
      dataset.name,
      `${done}/${own.length}`,
      String(best?.index ?? '-'),
      best ? percent(best.result.validation.accuracy) : '-',
      note,
    ];
  });
  return textTable(['DATA SET', 'DONE', 'BEST TRIAL', 'VALIDATION', 'NOTE'], rows);
}

function noteOf({ status }: Trial): string {
  if (status?.message) return status.message.split('\n')[0] ?? '';
  if (status?.state !== 'running') return '';
  const seconds = Math.round((Date.now() - Date.parse(status.updatedAt)) / 1000);
  return `on ${status.host}, last update ${seconds} s ago`;
}
