import type { Command } from 'commander';
import * as z from 'zod';
import { addSchemaOptions, parseSchemaOptions } from '../../node/options.ts';
import type { Pruned } from '../registry/prune.ts';
import { bucketOptions, jsonOption, modelOption, openNamedBucket } from './bucket-options.ts';

const pruneOptionsSchema = z.object({
  keep: z.coerce
    .number({ error: 'say how many of the newest versions stay' })
    .int()
    .min(0)
    .describe('how many of the newest versions stay')
    .meta({ value: '<n>' }),
  dryRun: z.boolean().default(false).describe('only print what would be deleted'),
  ...bucketOptions,
  model: modelOption,
  json: jsonOption,
});

/** Adds `catwalk prune`. */
export function addPruneCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command('prune')
    .description(
      'Deletes old versions and what is left of uploads cut short over a day ago; never what an alias or its rollback names.',
    );
  addSchemaOptions(command, pruneOptionsSchema).action(async (raw) => {
    const options = parseSchemaOptions(pruneOptionsSchema, raw);
    const { model: name, keep, dryRun, json } = options;
    const bucket = await openNamedBucket(options, signal);
    const { prune } = await import('../registry/prune.ts');
    const pruned = await prune(bucket, { name, keep, dryRun });
    const text = json ? `${JSON.stringify({ name, dryRun, ...pruned })}\n` : textOf(pruned, dryRun);
    process.stdout.write(text);
  });
}

function textOf({ versions, orphans, named, kept }: Pruned, dryRun: boolean): string {
  const verb = dryRun ? 'Would delete' : 'Deleted';
  return [
    ...versions.map((version) => `${verb} ${version}`),
    ...orphans.map((version) => `${verb} ${version}, an upload that never became a version`),
    ...named.map((version) => `Kept ${version}, which an alias or its rollback names`),
    `${verb} ${versions.length} versions and ${orphans.length} unfinished uploads; ${kept} versions stay\n`,
  ].join('\n');
}
