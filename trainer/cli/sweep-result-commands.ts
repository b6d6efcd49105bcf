import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import * as z from 'zod';
import { addSchemaOptions, argumentsOf, parseSchemaOptions } from '../../node/options.ts';
import type { Bucket } from '../registry/bucket.ts';
import { signOption } from '../registry/bucket-location.ts';
import { sweepNameSchema } from '../sweep/sweep-records.ts';
import {
  aliasOption,
  bucketOptions,
  gateOptions,
  jsonOption,
  moverOf,
  openNamedBucket,
} from './bucket-options.ts';

const resultOptionsSchema = z.object({
  sweep: sweepNameSchema.describe('name of the sweep, as its file has it').meta({ argument: true }),
  ...bucketOptions,
  json: jsonOption,
});

const publishOptionsSchema = resultOptionsSchema.extend({
  alias: aliasOption
    .unwrap()
    .optional()
    .describe('also point this alias at the version, where it is good enough')
    .meta({ value: '<name>' }),
  ...gateOptions,
  sign: signOption,
});

/** Adds what looks at a sweep's trials: `sweep status`, `sweep best` and `sweep publish`. */
export function addSweepResultCommands(sweepCommand: Command, signal: AbortSignal): void {
  const add = <Schema extends typeof resultOptionsSchema>(
    name: string,
    description: string,
    schema: Schema,
    action: (options: z.output<Schema>, bucket: Bucket) => Promise<void>,
  ) => {
    const command = sweepCommand.command(name).description(description);
    addSchemaOptions(command, schema).action(async () => {
      // An option that stands before the word is the parent's for commander.
      const given = { ...command.optsWithGlobals(), ...argumentsOf(command) };
      const options = parseSchemaOptions(schema, given);
      await action(options, await openNamedBucket(options, signal));
    });
  };

  add(
    'status',
    'Lists the trials: where each is, and how good.',
    resultOptionsSchema,
    async ({ sweep: name, json }, bucket) => {
      const { sweep, trials } = await readTrialsOf(bucket, name);
      const { sweepTable } = await import('./sweep-text.ts');
      process.stdout.write(
        json ? `${JSON.stringify({ name, trials })}\n` : sweepTable(sweep, trials),
      );
    },
  );

  add(
    'best',
    'Tells the trial that is the most accurate on the validation images.',
    resultOptionsSchema,
    async ({ sweep: name, json }, bucket) => {
      const best = await findBest(bucket, name);
      if (json) {
        process.stdout.write(`${JSON.stringify({ name, best })}\n`);
        return;
      }
      const { index, parameters, result } = best;
      const { accuracy, loss } = result.validation;
      const lines = [
        `Trial ${index}: validation accuracy ${(100 * accuracy).toFixed(2)} %, loss ${loss.toFixed(4)}, after epoch ${result.epoch}`,
        ...Object.entries(parameters).map(([option, value]) => `  ${option}: ${value}`),
        `Publish it with: npx catwalk sweep publish ${name}`,
      ];
      process.stdout.write(`${lines.join('\n')}\n`);
    },
  );

  add(
    'publish',
    "Publishes the best trial's model as a new version.",
    publishOptionsSchema,
    async (options, bucket) => {
      moverOf(options);
      const { index } = await findBest(bucket, options.sweep);
      const { downloadRun } = await import('../sweep/run-trial.ts');
      const { publishRun } = await import('./publish-command.ts');
      const folder = await mkdtemp(join(tmpdir(), 'catwalk-trial-'));
      try {
        await downloadRun(bucket, options.sweep, index, folder);
        await publishRun(bucket, folder, options);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  );
}

async function readTrialsOf(bucket: Bucket, name: string) {
  const { readSweep } = await import('../sweep/open-sweep.ts');
  const { readTrials } = await import('../sweep/sweep-records.ts');
  const sweep = await readSweep(bucket, name);
  if (sweep === null) {
    throw new Error(`${bucket.url} has no sweep ${name}. catwalk sweep --file makes one.`);
  }
  return { sweep, trials: await readTrials(bucket, sweep) };
}

async function findBest(bucket: Bucket, name: string) {
  const { bestTrial } = await import('../sweep/sweep-records.ts');
  const { trials } = await readTrialsOf(bucket, name);
  const best = bestTrial(trials);
  if (best) return best;
  throw new Error(`No trial of the sweep ${name} is done. catwalk sweep status ${name} has more.`);
}
