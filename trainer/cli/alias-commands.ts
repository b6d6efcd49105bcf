import type { Command } from 'commander';
import * as z from 'zod';
import { addSchemaOptions, argumentsOf, parseSchemaOptions } from '../../node/options.ts';
import { versionSchema } from '../../shared/registry/bucket-layout.ts';
import {
  aliasOption,
  bucketOptions,
  byOption,
  gateOptions,
  jsonOption,
  modelOption,
  moverOf,
  openNamedBucket,
  reasonOption,
} from './bucket-options.ts';

const promoteOptionsSchema = z.object({
  version: z
    .string()
    .pipe(versionSchema)
    .describe('the version to serve; `catwalk models` lists them')
    .meta({ argument: true }),
  ...bucketOptions,
  model: modelOption,
  alias: aliasOption,
  ...gateOptions,
  json: jsonOption,
});

/** Adds `catwalk promote`. */
export function addPromoteCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command('promote')
    .description('Points an alias at a version, after every file of it was checked.');
  addSchemaOptions(command, promoteOptionsSchema).action(async () => {
    const options = parseSchemaOptions(promoteOptionsSchema, {
      ...command.opts(),
      ...argumentsOf(command),
    });
    const { version, model: name, alias, tolerance, json } = options;
    const mover = moverOf(options);
    const bucket = await openNamedBucket(options, signal);
    const { moveAlias } = await import('../registry/move-alias.ts');
    const { describeMove } = await import('../registry/move-alias.ts');
    const move = await moveAlias(bucket, {
      ...{ name, alias, version, action: 'promote', tolerance },
      ...mover,
    });
    process.stdout.write(
      json
        ? `${JSON.stringify({ name, version, alias, move })}\n`
        : `${version} of ${name}: ${describeMove(alias, move)}\n`,
    );
    if (move.outcome === 'kept') process.exitCode = 1;
  });
}

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
    const { rollBack } = await import('../registry/roll-back.ts');
    const moved = await rollBack(bucket, { name, alias, by, reason });
    const from = moved.history.at(-1)?.from;
    process.stdout.write(
      json
        ? `${JSON.stringify({ name, alias, from, version: moved.version })}\n`
        : `${alias} of ${name} names ${moved.version} again, no longer ${from}\n`,
    );
  });
}
