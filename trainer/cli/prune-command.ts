import * as z from 'zod';
import { flag, option } from '../../node/options.ts';
import { printResult } from '../../node/text.ts';
import type { Pruned } from '../registry/prune.ts';
import {
  bucketOptions,
  chosenModels,
  jsonOption,
  modelOption,
  openNamedBucket,
} from './bucket-options.ts';
import { defineCommand } from './command.ts';

export const prune = defineCommand({
  name: 'prune',
  description:
    'Deletes old versions, and uploads that were interrupted more than a day ago. Keeps the current and the previous version of every alias, and the versions of the last day.',
  options: z.object({
    keep: option(
      '<n>',
      'number of newest versions to keep',
      z.coerce.number({ error: 'give the number of newest versions to keep' }).int().min(0),
    ),
    dryRun: flag('only print what would be deleted'),
    ...bucketOptions,
    model: modelOption,
    allModels: flag('prune every model in the bucket'),
    json: jsonOption,
  }),
  async run(options, { signal, given }) {
    const { keep, dryRun, json } = options;
    const bucket = await openNamedBucket(options, signal);
    const { prune } = await import('../registry/prune.ts');
    const models: PrunedModel[] = [];
    for (const name of await chosenModels(bucket, options.allModels, options.model, given)) {
      models.push({ name, dryRun, ...(await prune(bucket, { name, keep, dryRun })) });
    }
    const [first] = models;
    printResult(json, options.allModels ? { models } : { ...first }, () =>
      models.map((pruned) => prunedText(pruned, options.allModels)).join(''),
    );
  },
});

interface PrunedModel extends Pruned {
  name: string;
  dryRun: boolean;
}

function prunedText(pruned: PrunedModel, isOneOfAll: boolean): string {
  const { name, dryRun, versions, orphans, named, recent, kept } = pruned;
  const verb = dryRun ? 'Would delete' : 'Deleted';
  return [
    ...versions.map((version) => `${verb} ${version}`),
    ...orphans.map((version) => `${verb} ${version}, an unfinished upload`),
    ...named.map((version) => `Kept ${version}, the current or previous version of an alias`),
    ...recent.map((version) => `Kept ${version}, published in the last day`),
    `${isOneOfAll ? `${name}: ` : ''}${verb} ${versions.length} versions and ${orphans.length} unfinished uploads; ${kept} versions remain\n`,
  ].join('\n');
}
