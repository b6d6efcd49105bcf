import type { Command } from 'commander';
import * as z from 'zod';
import { addSchemaOptions, parseSchemaOptions } from '../../node/options.ts';
import type { AliasRevision } from '../../shared/registry/manifest.ts';
import type { ListedVersion } from '../registry/versions.ts';
import {
  aliasOption,
  bucketOptions,
  jsonOption,
  modelOption,
  openNamedBucket,
} from './bucket-options.ts';
import { textTable } from './text.ts';

const modelsOptionsSchema = z.object({ ...bucketOptions, model: modelOption, json: jsonOption });
const historyOptionsSchema = modelsOptionsSchema.extend({ alias: aliasOption });

/** Adds `catwalk models` and `catwalk models history`. */
export function addModelsCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command('models')
    .description('Lists the versions in the bucket, newest first, with their metrics and aliases.');
  addSchemaOptions(command, modelsOptionsSchema).action(async (raw) => {
    const options = parseSchemaOptions(modelsOptionsSchema, raw);
    const { model: name, json } = options;
    const bucket = await openNamedBucket(options, signal);
    const { listVersions } = await import('../registry/versions.ts');
    const { versions, aliases } = await listVersions(bucket, name);
    if (json) {
      const pointers = Object.fromEntries(aliases);
      process.stdout.write(`${JSON.stringify({ name, versions, aliases: pointers })}\n`);
    } else if (versions.length === 0) {
      process.stdout.write(
        `${bucket.url} has no version of ${name} yet. catwalk publish adds one.\n`,
      );
    } else {
      process.stdout.write(textTable(versionColumns, versions.map(versionRow)));
    }
  });

  const history = command
    .command('history')
    .description('Lists the moves of an alias, newest first: when, to what, by whom and why.');
  addSchemaOptions(history, historyOptionsSchema).action(async () => {
    // An option that stands before the word `history` is the parent's for commander.
    const options = parseSchemaOptions(historyOptionsSchema, history.optsWithGlobals());
    const { model: name, alias, json } = options;
    const bucket = await openNamedBucket(options, signal);
    const { readAlias } = await import('../registry/versions.ts');
    const found = await readAlias(bucket, name, alias);
    const moves = (found?.value.history ?? []).toReversed();
    if (json) {
      process.stdout.write(`${JSON.stringify({ name, alias, history: moves })}\n`);
    } else if (found === null) {
      process.stdout.write(`${bucket.url} has no alias ${alias} of ${name}.\n`);
    } else if (moves.length === 0) {
      process.stdout.write(`${alias} names ${found.value.version}; nothing is kept of before.\n`);
    } else {
      process.stdout.write(textTable(historyColumns, moves.map(historyRow)));
    }
  });
}

const versionColumns = ['VERSION', 'ACCURACY', 'LOSS', 'EPOCH', 'RECIPE', 'SIGNED', 'ALIASES'];

function versionRow({ version, manifest, fault, signed, aliases }: ListedVersion): string[] {
  const named = aliases.join(', ');
  if (manifest === null)
    return [version, '-', '-', '-', '-', signed ? 'yes' : 'no', named, fault ?? ''];
  const { metrics, training } = manifest;
  return [
    version,
    `${(100 * metrics.accuracy).toFixed(2)} %`,
    metrics.loss.toFixed(4),
    `${training.epoch}/${training.epochs}`,
    training.recipe,
    signed ? 'yes' : 'no',
    named,
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
