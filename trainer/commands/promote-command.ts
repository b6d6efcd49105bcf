import type { Command } from 'commander';
import * as z from 'zod';
import { versionSchema } from '../../shared/version.ts';
import {
  aliasOption,
  bucketOptions,
  gateOptions,
  jsonOption,
  modelOption,
  moverOf,
  openNamedBucket,
} from './bucket-options.ts';
import { addSchemaOptions, argumentsOf, parseSchemaOptions } from './schema-options.ts';

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
    const { moveAlias } = await import('../publish/move-alias.ts');
    const { describeMove } = await import('../publish/describe-move.ts');
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
