import * as z from 'zod';
import { flag } from '../../node/options.ts';
import { percent, printResult, textTable } from '../../node/text.ts';
import type { Alias, AliasRevision } from '../../shared/registry/manifest.ts';
import type { ListedVersion } from '../registry/versions.ts';
import {
  aliasOption,
  bucketOptions,
  chosenModels,
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
  options: modelsOptions.extend({ all: flag('list the versions of every model in the bucket') }),
  async run(options, { signal, given }) {
    const { model, all, json } = options;
    const bucket = await openNamedBucket(options, signal);
    const { listModels, listVersions } = await import('../registry/versions.ts');
    const models: { name: string; versions: ListedVersion[]; aliases: Record<string, Alias> }[] =
      [];
    for (const name of await chosenModels(bucket, all, model, given)) {
      const { versions, aliases } = await listVersions(bucket, name);
      models.push({ name, versions, aliases: Object.fromEntries(aliases) });
    }
    const others = all ? [] : (await listModels(bucket)).filter((name) => name !== model);
    printResult(json, all ? { models } : { ...models[0], otherModels: others }, () => {
      const more =
        others.length > 0 ? `Other models (--all lists them): ${others.join(', ')}\n` : '';
      const rows = models.flatMap(({ name, versions }) =>
        versions.map((version) => [...(all ? [name] : []), ...versionRow(version)]),
      );
      const columns = [...(all ? ['MODEL'] : []), ...versionColumns];
      if (rows.length > 0) return textTable(columns, rows) + more;
      return `There is no version of ${all ? 'any model' : model} in ${bucket.url} yet. \`catwalk publish\` adds one.\n${more}`;
    });
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
