import * as z from 'zod';
import { printResult } from '../../node/text.ts';
import type { Bucket } from '../registry/bucket.ts';
import { openNamedBucket, publishOptions, requireReason, runArgument } from './bucket-options.ts';
import { defineCommand } from './command.ts';

export const publish = defineCommand({
  name: 'publish',
  description: 'Uploads the model of a run to the bucket, as a new, immutable version.',
  options: z.object({ run: runArgument, ...publishOptions }),
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
