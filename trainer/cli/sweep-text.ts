import { constants } from 'node:os';
import { styleText } from 'node:util';
import { percent, textTable } from '../../node/text.ts';
import type { LocalSweepEvent } from '../sweep/run-locally.ts';
import { bestTrial, type Sweep, type Trial } from '../sweep/sweep-records.ts';

/** Formats a progress event of a local sweep. */
export function sweepEventLine(event: LocalSweepEvent): string {
  const start = `Trial ${event.trial}`;
  if (event.event === 'trial-started') return `${start} started\n`;
  if (event.event === 'trial-epoch') {
    const { epoch, validationAccuracy } = event;
    return `${start} epoch ${epoch}: validation accuracy ${percent(validationAccuracy)}\n`;
  }
  if (event.code === 0) return `${start} done\n`;
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
