import type { Command } from 'commander';
import * as z from 'zod';
import { addSchemaOptions, argumentsOf, parseSchemaOptions } from '../../node/options.ts';
import { metricsSchema } from '../../shared/registry/manifest.ts';
import type { Bucket } from '../registry/bucket.ts';
import { signOption } from '../registry/bucket-location.ts';
import { describeMove, moveAlias } from '../registry/move-alias.ts';
import { publishVersion } from '../registry/publish-version.ts';
import { readSigningKey } from '../registry/signature.ts';
import { readRun } from '../run/read-run.ts';
import {
  aliasOption,
  bucketOptions,
  gateOptions,
  jsonOption,
  moverOf,
  openNamedBucket,
} from './bucket-options.ts';

const publishOptionsSchema = z.object({
  run: z.string().min(1).describe('folder of the run, such as runs/20261124T101500Z-1234').meta({
    argument: true,
  }),
  ...bucketOptions,
  alias: aliasOption
    .unwrap()
    .optional()
    .describe('also point this alias at the version, where it is good enough')
    .meta({ value: '<name>' }),
  ...gateOptions,
  sign: signOption,
  json: jsonOption,
});

/** Adds `catwalk publish`. */
export function addPublishCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command('publish')
    .description(
      'Uploads the model of a run to the bucket, as a new version that is never rewritten.',
    );
  addSchemaOptions(command, publishOptionsSchema).action(async () => {
    const options = parseSchemaOptions(publishOptionsSchema, {
      ...command.opts(),
      ...argumentsOf(command),
    });
    // Told before anything is read.
    moverOf(options);
    const bucket = await openNamedBucket(options, signal);
    const { publishRun } = await import('./publish-command.ts');
    await publishRun(bucket, options.run, options);
  });
}

type PublishOptions = z.output<
  z.ZodObject<typeof gateOptions & { sign: typeof signOption; json: z.ZodBoolean }>
> & { alias?: string | undefined };

/** Publishes a run's model, moves the alias where one is named, and says so; for `publish` and `sweep publish`. */
export async function publishRun(bucket: Bucket, run: string, options: PublishOptions) {
  const { alias, sign, tolerance, json } = options;
  const mover = moverOf(options);
  const signingKey = sign === undefined ? undefined : await readSigningKey(sign);
  const { config, configSha256, epoch, training, files, evaluation } = await readRun(run);
  const manifest = await publishVersion(bucket, {
    spec: config.spec,
    files,
    evaluation,
    metrics: metricsSchema.parse(epoch),
    training,
    dataset: config.dataset,
    configSha256,
    parent: config.parent,
    signingKey,
  });
  const { name, version } = manifest;
  const move =
    alias === undefined
      ? null
      : await moveAlias(bucket, { name, alias, version, action: 'publish', tolerance, ...mover });
  if (json) {
    process.stdout.write(`${JSON.stringify({ name, version, alias: alias ?? null, move })}\n`);
  } else {
    const moved = move ? `; ${describeMove(alias ?? '', move)}` : '';
    process.stdout.write(`Published ${version} of ${name} to ${bucket.url}${moved}\n`);
  }
  // The version is published, but not what was asked for.
  if (move?.outcome === 'kept') process.exitCode = 1;
}
