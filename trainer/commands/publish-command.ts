import type { Command } from 'commander';
import * as z from 'zod';
import {
  aliasOption,
  bucketOptions,
  gateOptions,
  jsonOption,
  moverOf,
  openNamedBucket,
  signOption,
} from './bucket-options.ts';
import { addSchemaOptions, argumentsOf, parseSchemaOptions } from './schema-options.ts';

const publishOptionsSchema = z.object({
  run: z.string().min(1).describe('folder of the run, such as runs/20261124T101500Z-1234').meta({
    argument: true,
  }),
  ...bucketOptions,
  alias: aliasOption
    .unwrap()
    .optional()
    .describe('also point this alias at the version, where it is good enough')
    .meta({ value: '<name>' }),
  ...gateOptions,
  sign: signOption,
  json: jsonOption,
});

/** Adds `catwalk publish`. */
export function addPublishCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command('publish')
    .description(
      'Uploads the model of a run to the bucket, as a new version that is never rewritten.',
    );
  addSchemaOptions(command, publishOptionsSchema).action(async () => {
    const options = parseSchemaOptions(publishOptionsSchema, {
      ...command.opts(),
      ...argumentsOf(command),
    });
    // Told before anything is read.
    moverOf(options);
    const bucket = await openNamedBucket(options, signal);
    const { publishRun } = await import('./publish-run.ts');
    await publishRun(bucket, options.run, options);
  });
}
