import * as z from 'zod';
import { percent, printResult, textTable } from '../../node/text.ts';
import type { AliasRevision } from '../../shared/registry/manifest.ts';
import type { ListedVersion } from '../registry/versions.ts';
import {
  aliasOption,
  bucketOptions,
  jsonOption,
  modelOption,
  openNamedBucket,
} from './bucket-options.ts';
import { defineCommand } from './command.ts';

const modelsOptions = z.object({ ...bucketOptions, model: modelOption, json: jsonOption });

const history = defineCommand({
  name: 'history',
  description: 'Lists the moves of an alias, newest first: when, to which version, who and why.',
  options: modelsOptions.extend({ alias: aliasOption }),
  async run(options, { signal }) {
    const { model: name, alias, json } = options;
    const bucket = await openNamedBucket(options, signal);
    const { readAlias } = await import('../registry/aliases.ts');
    const found = await readAlias(bucket, name, alias);
    const moves = (found?.value.history ?? []).toReversed();
    printResult(json, { name, alias, history: moves }, () => {
      if (found === null) return `There is no alias ${alias} of ${name} in ${bucket.url}.\n`;
      if (moves.length > 0) return textTable(historyColumns, moves.map(historyRow));
      return `${alias} points at ${found.value.version}. It has no recorded history.\n`;
    });
  },
});

export const models = defineCommand({
  name: 'models',
  description: 'Lists the versions in the bucket, newest first, with their metrics and aliases.',
  options: modelsOptions,
  async run(options, { signal }) {
    const { model: name, json } = options;
    const bucket = await openNamedBucket(options, signal);
    const { listVersions } = await import('../registry/versions.ts');
    const { versions, aliases } = await listVersions(bucket, name);
    printResult(json, { name, versions, aliases: Object.fromEntries(aliases) }, () =>
      versions.length > 0
        ? textTable(versionColumns, versions.map(versionRow))
        : `There is no version of ${name} in ${bucket.url} yet. \`catwalk publish\` adds one.\n`,
    );
  },
  subcommands: [history],
});

const versionColumns = ['VERSION', 'ACCURACY', 'LOSS', 'EPOCH', 'RECIPE', 'SIGNED', 'ALIASES'];

function versionRow({ version, manifest, fault, signed, aliases }: ListedVersion): string[] {
  const registry = [signed ? 'yes' : 'no', aliases.join(', ')];
  if (manifest === null) return [version, '-', '-', '-', '-', ...registry, fault ?? ''];
  const { metrics, training } = manifest;
  return [
    version,
    percent(metrics.accuracy),
    metrics.loss.toFixed(4),
    `${training.epoch}/${training.epochs}`,
    training.recipe,
    ...registry,
  ];
}

const historyColumns = ['NO', 'AT', 'VERSION', 'ACTION', 'BY', 'WHY'];

const historyRow = ({ revision, at, version, action, forced, by, reason }: AliasRevision) => [
  String(revision),
  at,
  version,
  forced ? `${action} (forced)` : action,
  by,
  reason ?? '',
];
