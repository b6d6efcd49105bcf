import { mkdtemp, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { styleText } from 'node:util';
import * as z from 'zod';
import { argument } from '../../node/options.ts';
import { percent, printResult, textTable } from '../../node/text.ts';
import type { Bucket } from '../registry/bucket.ts';
import type { LocalSweepEvent } from '../sweep/run-locally.ts';
import {
  bestTrial,
  readTrials,
  type Sweep,
  sweepNameSchema,
  type Trial,
  trialFolder,
} from '../sweep/sweep-records.ts';
import {
  bucketOptions,
  jsonOption,
  openNamedBucket,
  publishOptions,
  requireReason,
} from './bucket-options.ts';
import { defineCommand } from './command.ts';
import { publishFolder } from './publish-command.ts';

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
  description: 'Shows the trial with the best validation accuracy.',
  options: resultOptions,
  async run(options, { signal }) {
    const { sweep: name, json } = options;
    const best = await findBest(await openNamedBucket(options, signal), name);
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
  description: 'Publishes the model of the best trial as a new version.',
  options: z.object({ sweep: sweepArgument, ...publishOptions }),
  async run(options, { signal }) {
    requireReason(options);
    const bucket = await openNamedBucket(options, signal);
    const { index } = await findBest(bucket, options.sweep);
    const { downloadRun } = await import('../sweep/run-trial.ts');
    const { readSigningKey } = await import('../registry/signature.ts');
    const { sign } = options;
    const key = sign === undefined ? undefined : await readSigningKey(sign);
    const folder = await mkdtemp(join(tmpdir(), 'catwalk-trial-'));
    try {
      await downloadRun(trialFolder(bucket, options.sweep, index), folder, key);
      await publishFolder(bucket, folder, options);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
});

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

async function findBest(bucket: Bucket, name: string) {
  const { trials } = await readTrialsOf(bucket, name);
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

/** Formats a table with one row per trial. */
export function sweepTable(sweep: Sweep, trials: readonly Trial[]): string {
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

function noteOf({ status }: Trial): string {
  if (status?.message) return status.message.split('\n')[0] ?? '';
  if (status?.state !== 'running') return '';
  const seconds = Math.round((Date.now() - Date.parse(status.updatedAt)) / 1000);
  return `on ${status.host}, last update ${seconds} s ago`;
}
