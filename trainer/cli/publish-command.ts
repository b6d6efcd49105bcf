import * as z from 'zod';
import { printResult } from '../../node/text.ts';
import type { Bucket } from '../registry/bucket.ts';
import { signOption } from '../registry/bucket-location.ts';
import {
  aliasOption,
  bucketOptions,
  gateOptions,
  jsonOption,
  openNamedBucket,
  requireReason,
} from './bucket-options.ts';
import { defineCommand } from './command.ts';

/** The options for publishing a model, also with `sweep publish`. */
export const publishOptions = {
  ...bucketOptions,
  alias: aliasOption
    .unwrap()
    .optional()
    .describe('also point this alias at the version, unless the alias serves a more accurate one')
    .meta({ value: '<name>' }),
  ...gateOptions,
  sign: signOption,
  json: jsonOption,
};

export const publish = defineCommand({
  name: 'publish',
  description: 'Uploads the model of a run to the bucket, as a new, immutable version.',
  options: z.object({
    run: z
      .string()
      .min(1)
      .describe('folder of the run, such as runs/20261124T101500Z-1234')
      .meta({ argument: true }),
    ...publishOptions,
  }),
  async run(options, { signal }) {
    requireReason(options);
    await publishFolder(await openNamedBucket(options, signal), options.run, options);
  },
});

/** Publishes the run in a folder and prints the result. Sets exit code 1 if the alias does not move. */
export async function publishFolder(
  bucket: Bucket,
  folder: string,
  options: z.output<z.ZodObject<typeof publishOptions>>,
): Promise<void> {
  const { alias, json } = options;
  const { describeMove } = await import('../registry/move-alias.ts');
  const { publishRun } = await import('../run/publish.ts');
  const { manifest, move } = await publishRun(bucket, folder, options);
  const { name, version } = manifest;
  printResult(json, { name, version, alias: alias ?? null, move }, () => {
    const moved = move ? `; ${describeMove(alias ?? '', move)}` : '';
    return `Published ${version} of ${name} to ${bucket.url}${moved}\n`;
  });
  if (move?.outcome === 'kept') process.exitCode = 1;
}
