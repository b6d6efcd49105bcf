import type * as z from 'zod';
import { metricsSchema } from '../../shared/manifest.ts';
import type { Bucket } from '../publish/bucket.ts';
import { describeMove } from '../publish/describe-move.ts';
import { moveAlias } from '../publish/move-alias.ts';
import { publishVersion } from '../publish/publish-version.ts';
import { readSigningKey } from '../publish/sign-manifest.ts';
import { readRun } from '../run/read-run.ts';
import { type gateOptions, moverOf, type signOption } from './bucket-options.ts';

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
