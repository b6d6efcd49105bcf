import type { Command } from 'commander';
import * as z from 'zod';
import {
  addSchemaOptions,
  argumentOf,
  parseSchemaOptions,
  UsageError,
} from '../../node/options.ts';
import type { Bucket } from '../registry/bucket.ts';
import { connectionOptions } from '../registry/bucket-location.ts';
import { trainOptionsSchema } from '../run/options.ts';
import { BadConfigurationError } from '../sweep/bad-configuration-error.ts';
import { trialIndex } from '../sweep/open-sweep.ts';
import { type Sweep, sweepNameSchema } from '../sweep/sweep-records.ts';
import { bucketOptions, jsonOption, openNamedBucket } from './bucket-options.ts';
import { addSweepResultCommands } from './sweep-result-commands.ts';

const sweepOptionsSchema = z.object({
  file: z
    .string()
    .min(1)
    .optional()
    .describe('which trials there are (docs/10-train-in-the-cloud.md)')
    .meta({ value: '<sweep.yaml>' }),
  sweep: sweepNameSchema
    .optional()
    .describe('instead of --file: a sweep that is in the bucket already')
    .meta({ value: '<name>' }),
  index: z.coerce
    .number()
    .int()
    .min(0)
    .optional()
    .describe('run this trial (default: JOB_COMPLETION_INDEX or AWS_BATCH_JOB_ARRAY_INDEX)')
    .meta({ value: '<n>' }),
  local: z.coerce
    .number()
    .int()
    .min(1)
    .max(256)
    .optional()
    .describe('run all trials that are not done on this machine, n at once')
    .meta({ value: '<n>' }),
  threads: trainOptionsSchema.shape.threads.describe(
    'threads of each trial (default: its share of the cores)',
  ),
  ...bucketOptions,
  runs: trainOptionsSchema.shape.runs,
  json: jsonOption.describe('print one JSON object a line, for programs'),
});

const createOptionsSchema = z.object({
  file: sweepOptionsSchema.shape.file.unwrap().meta({ value: '<sweep.yaml>' }),
  ...bucketOptions,
  json: jsonOption,
});

type SweepOptions = z.output<typeof sweepOptionsSchema>;

/** Adds `catwalk sweep`, `sweep create`, `sweep status`, `sweep best` and `sweep publish`. */
export function addSweepCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command('sweep')
    .description(
      'Runs one trial of a sweep by its index, or all of them here; the bucket is where they meet.',
    );
  addSchemaOptions(command, sweepOptionsSchema).action(async (raw) => {
    const options = parseSchemaOptions(sweepOptionsSchema, raw);
    if (options.local !== undefined && options.index !== undefined) {
      throw new UsageError('--local runs all trials, --index one of them: leave one out');
    }
    await (options.local === undefined ? runOne(options, signal) : runAll(options, signal));
  });
  const create = command
    .command('create')
    .description('Puts a sweep into the bucket, for trials that are started by --sweep.');
  addSchemaOptions(create, createOptionsSchema).action(async () => {
    const options = parseSchemaOptions(createOptionsSchema, create.optsWithGlobals());
    const bucket = await openNamedBucket(options, signal);
    const { openSweep } = await import('../sweep/open-sweep.ts');
    const { readSweepFile } = await import('../sweep/sweep-file.ts');
    const { name, trials } = await openSweep(bucket, await readSweepFile(options.file));
    process.stdout.write(
      options.json
        ? `${JSON.stringify({ name, trials: trials.length })}\n`
        : `The sweep ${name} of ${trials.length} trials is in ${bucket.url}. Each runs by: catwalk sweep --sweep ${name} --index <0 to ${trials.length - 1}>\n`,
    );
  });
  addSweepResultCommands(command, signal);
}

/** The sweep in the bucket, put there where a file says which. */
async function openSweepOf({ file, sweep: name }: SweepOptions, bucket: Bucket): Promise<Sweep> {
  const { openSweep, readSweep } = await import('../sweep/open-sweep.ts');
  if ((file === undefined) === (name === undefined)) {
    throw new UsageError('Name either the --file that says which trials there are, or the --sweep');
  }
  if (file !== undefined) {
    const { readSweepFile } = await import('../sweep/sweep-file.ts');
    return openSweep(bucket, await readSweepFile(file));
  }
  const found = await readSweep(bucket, name ?? '');
  if (found) return found;
  throw new UsageError(`--sweep: ${bucket.url} has no sweep ${name}; sweep create makes one`);
}

async function runOne(options: SweepOptions, outer: AbortSignal): Promise<void> {
  const index = trialIndex(options.index, process.env);
  const signal = process.channel ? AbortSignal.any([outer, parentGone()]) : outer;
  try {
    // Without the signal: an interrupted trial still says so.
    const bucket = await openNamedBucket(options, new AbortController().signal);
    const sweep = await openSweepOf(options, bucket);
    const { runTrial } = await import('../sweep/run-trial.ts');
    const { jsonReporter } = await import('./reporters.ts');
    const { textReporter } = await import('./reporters.ts');
    const { recipeOfTrial } = await import('../sweep/run-trial.ts');
    const reporter = options.json
      ? jsonReporter((text) => process.stdout.write(text))
      : textReporter(process.stdout, recipeOfTrial(sweep, index));
    const connection = Object.keys(connectionOptions) as (keyof typeof connectionOptions)[];
    const machine = Object.fromEntries(connection.map((name) => [name, asGiven(options[name])]));
    try {
      await runTrial(bucket, {
        ...{ sweep, index, reporter, signal, runs: options.runs },
        machine: { ...machine, threads: options.threads },
      });
    } finally {
      reporter.close();
    }
  } catch (error) {
    // Nobody reads a usage message in a cluster, and the same command fails the same way on every machine.
    if (error instanceof UsageError) {
      throw new BadConfigurationError(error.message, { cause: error });
    }
    throw error;
  }
}

/** A flag is read from text. */
const asGiven = (value: unknown) => (typeof value === 'boolean' ? String(value) : value);

/** Aborts when the local sweep that started this trial is gone, even if it was killed. */
function parentGone(): AbortSignal {
  const gone = new AbortController();
  process.once('disconnect', () => gone.abort(new Error('The sweep that ran this trial is gone.')));
  process.channel?.unref();
  return gone.signal;
}

async function runAll(options: SweepOptions, signal: AbortSignal): Promise<void> {
  const { local: processes = 1, json } = options;
  const bucket = await openNamedBucket(options, signal);
  const { availableParallelism } = await import('node:os');
  const { runLocally } = await import('../sweep/run-locally.ts');
  const { sweepEventLine, sweepTable } = await import('./sweep-text.ts');
  const { bestTrial } = await import('../sweep/sweep-records.ts');
  const sweep = await openSweepOf(options, bucket);
  const write = (text: string) => process.stdout.write(text);
  const threads = options.threads ?? Math.max(1, Math.floor(availableParallelism() / processes));
  const passedOn = ['file', 'sweep', ...Object.keys(connectionOptions), 'runs'] as const;
  const sweepArguments = [
    ...passedOn.flatMap((name) => {
      const value = asGiven(options[name as keyof SweepOptions]);
      return value === undefined ? [] : [argumentOf(name, value)];
    }),
    argumentOf('bucket', bucket.url),
    argumentOf('threads', threads),
  ];
  const trials = await runLocally(bucket, {
    ...{ sweep, processes, sweepArguments, signal },
    onEvent: (event) => write(json ? `${JSON.stringify(event)}\n` : sweepEventLine(event)),
  }).catch((error) => {
    if (signal.aborted)
      process.stderr.write('Run the sweep again to go on from its checkpoints.\n');
    throw error;
  });
  const open = trials.filter(({ status }) => status?.state !== 'done');
  const best = bestTrial(trials);
  if (json) {
    write(`${JSON.stringify({ event: 'sweep', name: sweep.name, trials, best })}\n`);
  } else {
    write(sweepTable(sweep, trials));
    if (best) write(`Publish the best one with: npx catwalk sweep publish ${sweep.name}\n`);
  }
  if (open.length === 0) return;
  process.exitCode = 1;
  const again = open.some(({ status }) => status?.state !== 'misconfigured');
  process.stderr.write(
    `${open.length} of ${trials.length} trials are not done${again ? ': run the sweep again to go on with them' : ''}. Misconfigured ones are not run again.\n`,
  );
}
