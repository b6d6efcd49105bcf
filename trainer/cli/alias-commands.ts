import * as z from 'zod';
import { argument } from '../../node/options.ts';
import { printResult } from '../../node/text.ts';
import { versionSchema } from '../../shared/model/names.ts';
import {
  aliasOption,
  bucketOptions,
  gateOptions,
  jsonOption,
  keyOptions,
  modelOption,
  moverOptions,
  openNamedBucket,
  readKeys,
  requireReason,
} from './bucket-options.ts';
import { defineCommand } from './command.ts';

export const promote = defineCommand({
  name: 'promote',
  description: 'Points an alias at a version, after checking all files of the version.',
  options: z.object({
    version: argument(
      'the version to serve; `catwalk models` lists the versions',
      z.string().pipe(versionSchema),
    ),
    ...bucketOptions,
    model: modelOption,
    alias: aliasOption,
    ...gateOptions,
    ...keyOptions,
    json: jsonOption,
  }),
  async run(options, { signal }) {
    const { version, model: name, alias, force, reason, json } = options;
    const { tolerance, margin, compareOn } = options;
    requireReason(options);
    const bucket = await openNamedBucket(options, signal);
    const { describeMove, moveAlias } = await import('../registry/move-alias.ts');
    const { userAtHost } = await import('../registry/aliases.ts');
    const by = options.by ?? userAtHost();
    const target = { name, alias, version };
    const gate = { tolerance, margin, compareOn };
    const mover = { by, reason, force, ...gate, ...(await readKeys(options)) };
    const move = await moveAlias(bucket, { ...target, ...mover, action: 'promote' });
    printResult(
      json,
      { ...target, move },
      () => `${version} of ${name}: ${describeMove(alias, move)}\n`,
    );
    if (move.outcome === 'kept') process.exitCode = 1;
  },
});

export const rollback = defineCommand({
  name: 'rollback',
  description:
    'Points an alias back at its previous version. Each further rollback goes back one version more.',
  options: z.object({
    ...bucketOptions,
    model: modelOption,
    alias: aliasOption,
    ...moverOptions,
    ...keyOptions,
    json: jsonOption,
  }),
  async run(options, { signal }) {
    const { model: name, alias, reason, json } = options;
    const bucket = await openNamedBucket(options, signal);
    const { rollBack } = await import('../registry/move-alias.ts');
    const { userAtHost } = await import('../registry/aliases.ts');
    const by = options.by ?? userAtHost();
    const { version, history } = await rollBack(bucket, {
      name,
      alias,
      by,
      reason,
      ...(await readKeys(options)),
    });
    const from = history.at(-1)?.from;
    printResult(
      json,
      { name, alias, from, version },
      () => `Rolled back ${alias} of ${name} from ${from} to ${version}\n`,
    );
  },
});
