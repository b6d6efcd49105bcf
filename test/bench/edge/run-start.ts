import { join } from 'node:path';
import workerd from 'workerd/package.json' with { type: 'json' };
import { type Machine, median, thisMachine } from '../machine.ts';
import { bundleProduction, bundleWorker, sizeOf } from './bundle.ts';
import { measureColdStart } from './measure-cold-start.ts';
import { measureStartUp } from './measure-start-up.ts';
import { names } from './names.ts';
import { publishModel } from './publish-model.ts';
import { createPublishedBucket } from './published-bucket.ts';
import type { ColdStartRow } from './report.ts';

/** What a start may cost. `npm run check` holds the size, too. */
const bounds = { startUpCpuMs: 22, gzipBytes: 250_000, moreThanConstantMs: 150 };

export interface StartReport {
  machine: Machine & { workerd: string };
  rounds: number;
  /** Milliseconds of CPU that each start-up of the script takes. */
  startUpCpuMs: number[];
  gzipBytes: number;
  coldStart: ColdStartRow[];
}

/** workerd itself starts later with static assets, so each Worker is compared with a constant that has what it has. */
const contestants = {
  plain: { name: names.catwalk, constant: names.constant },
  withSnapshot: { name: 'Catwalk with a snapshot', constant: 'constant with static assets' },
  empty: { name: 'Catwalk, bucket empty', constant: 'constant with static assets' },
};

/**
 * Measures the start of the Worker: the script's CPU, its size, and the first prediction from the bucket without and with a snapshot
 * among the static assets, and from the snapshot with an empty bucket.
 *
 * @param folder an empty one to work in
 */
export async function runStartBenchmark(
  { rounds, quick }: { rounds: number; quick: boolean },
  folder: string,
  progress: (line: string) => void,
): Promise<StartReport> {
  progress('publishing a model to a local bucket, and bundling the Workers');
  const [{ persistTo }, bundle, constant] = await Promise.all([
    createPublishedBucket(folder, publishModel.untrained()),
    bundleProduction(join(folder, 'production')),
    bundleWorker('constant', join(folder, 'constant')),
  ]);
  const answering = { bundle: constant, path: '/predict' };
  const predicting = { bundle, path: '/predict?index=0' };
  const coldStart = await measureColdStart(
    [
      { name: contestants.plain.constant, ...answering },
      { name: contestants.withSnapshot.constant, ...answering, withSnapshot: true },
      { name: contestants.plain.name, ...predicting },
      { name: contestants.withSnapshot.name, ...predicting, withSnapshot: true },
      { name: contestants.empty.name, ...predicting, withSnapshot: true, isBucketEmpty: true },
    ],
    { folder, persistTo, rounds: quick ? 1 : rounds, progress },
  );
  const startUpCpuMs: number[] = [];
  for (let round = 1; round <= (quick ? 1 : rounds); round++) {
    const milliseconds = await measureStartUp(folder);
    if (milliseconds !== null) startUpCpuMs.push(milliseconds);
    progress(`start-up CPU: round ${round} of ${rounds}`);
  }
  return {
    machine: { ...thisMachine(), workerd: workerd.version },
    rounds,
    startUpCpuMs,
    gzipBytes: sizeOf(bundle).gzipBytes,
    coldStart,
  };
}

/** Formats a report for people. */
export function startReportText(report: StartReport): string {
  const { machine, rounds, startUpCpuMs, gzipBytes, coldStart } = report;
  const msOf = (wanted: string) => coldStart.find(({ name }) => name === wanted)?.ms ?? Number.NaN;
  const bounded = (value: number, bound: number, unit: string) =>
    `${value.toFixed(0)} ${unit}, ${value <= bound ? 'within' : 'OVER'} the bound of ${bound} ${unit}`;
  const lines = [
    `${machine.processor}, ${machine.cores} cores, Node ${machine.node}, workerd ${machine.workerd}; medians of ${rounds} rounds`,
    `Start-up of the script, CPU: ${bounded(median(startUpCpuMs), bounds.startUpCpuMs, 'ms')} (lowest ${Math.min(...startUpCpuMs).toFixed(0)} ms)`,
    `Size with gzip: ${bounded(gzipBytes / 1000, bounds.gzipBytes / 1000, 'kB')}`,
    ...Object.values(contestants).map(
      ({ name, constant }) =>
        `${name}: ${msOf(name).toFixed(0)} ms from the start of workerd to the first prediction; more than the ${msOf(constant).toFixed(0)} ms of a ${constant}: ${bounded(msOf(name) - msOf(constant), bounds.moreThanConstantMs, 'ms')}`,
    ),
  ];
  return `${lines.join('\n')}\n`;
}
