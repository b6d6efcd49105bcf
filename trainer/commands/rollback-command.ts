import type { Command } from 'commander';
import * as z from 'zod';
import {
  aliasOption,
  bucketOptions,
  byOption,
  jsonOption,
  modelOption,
  moverOf,
  openNamedBucket,
  reasonOption,
} from './bucket-options.ts';
import { addSchemaOptions, parseSchemaOptions } from './schema-options.ts';

const rollbackOptionsSchema = z.object({
  ...bucketOptions,
  model: modelOption,
  alias: aliasOption,
  reason: reasonOption,
  by: byOption,
  json: jsonOption,
});

/** Adds `catwalk rollback`. */
export function addRollbackCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command('rollback')
    .description(
      'Points an alias back at the version that it named before; again: one further back.',
    );
  addSchemaOptions(command, rollbackOptionsSchema).action(async (raw) => {
    const options = parseSchemaOptions(rollbackOptionsSchema, raw);
    const { model: name, alias, json } = options;
    const { by, reason } = moverOf(options);
    const bucket = await openNamedBucket(options, signal);
    const { rollBack } = await import('../publish/roll-back.ts');
    const moved = await rollBack(bucket, { name, alias, by, reason });
    const from = moved.history.at(-1)?.from;
    process.stdout.write(
      json
        ? `${JSON.stringify({ name, alias, from, version: moved.version })}\n`
        : `${alias} of ${name} names ${moved.version} again, no longer ${from}\n`,
    );
  });
}
