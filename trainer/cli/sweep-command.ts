import * as z from 'zod';
import { argumentOf, count, option, text, UsageError } from '../../node/options.ts';
import { printResult } from '../../node/text.ts';
import type { Bucket } from '../registry/bucket.ts';
import { connectionOptions, signOption } from '../registry/bucket-location.ts';
import { trainOptionsSchema } from '../run/options.ts';
import {
  BadConfigurationError,
  bestOfEach,
  bestTrial,
  isFinished,
  type Sweep,
  sweepNameSchema,
  trialCount,
} from '../sweep/sweep-records.ts';
import { bucketOptions, jsonOption, openNamedBucket } from './bucket-options.ts';
import { defineCommand } from './command.ts';
import { best, publishBest, status, sweepEventLine, sweepTable } from './sweep-result-commands.ts';

const fileOption = option(
  '<sweep.yaml>',
  'the file that defines the trials (docs/10-train-in-the-cloud.md)',
  text,
);

const sweepOptionsSchema = z.object({
  file: fileOption.optional().meta({ ...fileOption.meta() }),
  sweep: option(
    '<name>',
    'name of a sweep that is already in the bucket, instead of --file',
    sweepNameSchema.optional(),
  ),
  index: option(
    '<n>',
    'run trial n (default: JOB_COMPLETION_INDEX or AWS_BATCH_JOB_ARRAY_INDEX)',
    z.coerce.number().int().min(0).optional(),
  ),
  local: option(
    '<n>',
    'run all unfinished trials on this machine, n at a time',
    count.max(256).optional(),
  ),
  threads: trainOptionsSchema.shape.threads.describe(
    'threads per trial (default: an equal share of the cores)',
  ),
  ...bucketOptions,
  sign: signOption.describe(
    'sign checkpoints and runs with this Ed25519 private key, for `sweep publish --sign`',
  ),
  runs: trainOptionsSchema.shape.runs,
  json: trainOptionsSchema.shape.json,
});

type SweepOptions = z.output<typeof sweepOptionsSchema>;

const create = defineCommand({
  name: 'create',
  description:
    'Uploads a sweep to the bucket, so that machines without the file can run it by name.',
  options: z.object({ file: fileOption, ...bucketOptions, json: jsonOption }),
  async run({ file, json, ...options }, { signal }) {
    const bucket = await openNamedBucket(options, signal);
    const { openSweep } = await import('../sweep/open-sweep.ts');
    const { readSweepFile } = await import('../sweep/sweep-file.ts');
    const created = await openSweep(bucket, await readSweepFile(file), options);
    const { name, datasets } = created;
    const trials = trialCount(created);
    const of = datasets ? ` of ${datasets.length} data sets` : '';
    printResult(
      json,
      { name, trials, ...(datasets && { datasets }) },
      () =>
        `Created the sweep ${name} with ${trials} trials${of} in ${bucket.url}. Run each with: npx catwalk sweep --sweep ${name} --index <0 to ${trials - 1}>\n`,
    );
  },
});

export const sweep = defineCommand({
  name: 'sweep',
  description:
    'Runs one trial of a hyperparameter sweep, or with --local all of them. Machines share a sweep through the bucket.',
  options: sweepOptionsSchema,
  async run(options, { signal }) {
    if (options.local !== undefined && options.index !== undefined) {
      throw new UsageError('--local runs all trials, --index only one: use one of the two');
    }
    await (options.local === undefined ? runOne(options, signal) : runAll(options, signal));
  },
  subcommands: [create, status, best, publishBest],
});

/** Returns the sweep in the bucket. Uploads it first if the options name its file. */
async function openSweepOf(options: SweepOptions, bucket: Bucket): Promise<Sweep> {
  const { file, sweep: name } = options;
  const { openSweep, readSweep } = await import('../sweep/open-sweep.ts');
  if ((file === undefined) === (name === undefined)) {
    throw new UsageError('Name either the --file that defines the trials, or the --sweep');
  }
  if (file !== undefined) {
    const { readSweepFile } = await import('../sweep/sweep-file.ts');
    return openSweep(bucket, await readSweepFile(file), options);
  }
  const found = await readSweep(bucket, name ?? '');
  if (found) return found;
  throw new UsageError(
    `--sweep: there is no sweep ${name} in ${bucket.url}. \`catwalk sweep create\` creates it.`,
  );
}

/** Options as text, as they were on the command line; a flag was parsed from text. */
const textOf = (value: unknown) => (typeof value === 'boolean' ? String(value) : value);
const connectionNames = Object.keys(connectionOptions) as (keyof typeof connectionOptions)[];

async function runOne(options: SweepOptions, outer: AbortSignal): Promise<void> {
  const signal = process.channel ? AbortSignal.any([outer, parentGone()]) : outer;
  const { trialIndex } = await import('../sweep/open-sweep.ts');
  const index = trialIndex(options.index, process.env);
  try {
    // Without the signal, because an interrupted trial still writes its status.
    const bucket = await openNamedBucket(options);
    const sweep = await openSweepOf(options, bucket);
    const { runTrial } = await import('../sweep/run-trial.ts');
    const { openReporter } = await import('./reporters.ts');
    const reporter = openReporter(options.json);
    const connection = connectionNames.map((name) => [name, textOf(options[name])]);
    const { threads, sign } = options;
    const machine = { ...Object.fromEntries(connection), threads, sign };
    try {
      await runTrial(bucket, { sweep, index, machine, runs: options.runs, reporter, signal });
    } finally {
      reporter.close();
    }
  } catch (error) {
    // A retry fails the same way on every machine. The exit code tells the cluster not to retry.
    if (error instanceof UsageError) {
      throw new BadConfigurationError(error.message, { cause: error });
    }
    throw error;
  }
}

/** Aborts when the local sweep that started this trial has ended, even if it was killed. */
function parentGone(): AbortSignal {
  const gone = new AbortController();
  process.once('disconnect', () =>
    gone.abort(new Error('The sweep that started this trial has ended.')),
  );
  process.channel?.unref();
  return gone.signal;
}

async function runAll(options: SweepOptions, signal: AbortSignal): Promise<void> {
  const { local: processes = 1, json } = options;
  const bucket = await openNamedBucket(options, signal);
  const { availableParallelism } = await import('node:os');
  const { runLocally } = await import('../sweep/run-locally.ts');
  const sweep = await openSweepOf(options, bucket);
  const threads = options.threads ?? Math.max(1, Math.floor(availableParallelism() / processes));
  const passed = { ...options, bucket: bucket.url, threads };
  const names = ['file', 'sweep', ...connectionNames, 'sign', 'runs', 'bucket', 'threads'] as const;
  const sweepArguments = names
    .filter((name) => passed[name] !== undefined)
    .map((name) => argumentOf(name, textOf(passed[name])));
  const trials = await runLocally(bucket, {
    sweep,
    processes,
    sweepArguments,
    signal,
    onEvent: (event) => printResult(json, event, () => sweepEventLine(event)),
  }).catch((error) => {
    if (signal.aborted) {
      process.stderr.write('Run the sweep again to resume it from its checkpoints.\n');
    }
    throw error;
  });
  const best = sweep.datasets ? null : bestTrial(trials);
  const datasets = bestOfEach(sweep, trials).map(({ dataset, best: own }) => ({
    ...dataset,
    best: own,
  }));
  const result = sweep.datasets ? { datasets } : { trials, best };
  printResult(json, { event: 'sweep', name: sweep.name, ...result }, () => {
    const next =
      best || datasets.some((each) => each.best)
        ? `Publish the best with: npx catwalk sweep publish ${sweep.name}\n`
        : '';
    return `${sweepTable(sweep, trials)}${next}`;
  });
  const unfinished = trials.filter(({ status }) => !isFinished(status));
  if (unfinished.length === 0) return;
  process.exitCode = 1;
  const isResumable = unfinished.some(({ status }) => status?.state !== 'misconfigured');
  const advice = isResumable ? ' Run the sweep again to resume them.' : '';
  process.stderr.write(
    `${unfinished.length} of ${trials.length} trials are not done.${advice} Misconfigured trials do not run again.\n`,
  );
}
