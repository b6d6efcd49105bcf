import * as z from 'zod';
import { flag, option } from '../../node/options.ts';
import { printResult } from '../../node/text.ts';
import type { Pruned } from '../registry/prune.ts';
import { bucketOptions, jsonOption, modelOption, openNamedBucket } from './bucket-options.ts';
import { defineCommand } from './command.ts';

export const prune = defineCommand({
  name: 'prune',
  description:
    'Deletes old versions, and uploads that were interrupted more than a day ago. Keeps the current and the previous version of every alias.',
  options: z.object({
    keep: option(
      '<n>',
      'number of newest versions to keep',
      z.coerce.number({ error: 'give the number of newest versions to keep' }).int().min(0),
    ),
    dryRun: flag('only print what would be deleted'),
    ...bucketOptions,
    model: modelOption,
    json: jsonOption,
  }),
  async run(options, { signal }) {
    const { model: name, keep, dryRun, json } = options;
    const bucket = await openNamedBucket(options, signal);
    const { prune } = await import('../registry/prune.ts');
    const pruned = await prune(bucket, { name, keep, dryRun });
    printResult(json, { name, dryRun, ...pruned }, () => prunedText(pruned, dryRun));
  },
});

function prunedText({ versions, orphans, named, kept }: Pruned, dryRun: boolean): string {
  const verb = dryRun ? 'Would delete' : 'Deleted';
  return [
    ...versions.map((version) => `${verb} ${version}`),
    ...orphans.map((version) => `${verb} ${version}, an unfinished upload`),
    ...named.map((version) => `Kept ${version}, the current or previous version of an alias`),
    `${verb} ${versions.length} versions and ${orphans.length} unfinished uploads; ${kept} versions remain\n`,
  ].join('\n');
}
