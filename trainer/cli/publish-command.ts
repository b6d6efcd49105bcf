import * as z from 'zod';
import { printResult } from '../../node/text.ts';
import type { Bucket } from '../registry/bucket.ts';
import type { Publication } from '../run/publish.ts';
import { openNamedBucket, publishOptions, requireReason, runArgument } from './bucket-options.ts';
import { defineCommand } from './command.ts';

export const publish = defineCommand({
  name: 'publish',
  description: 'Uploads the model of a run to the bucket, as a new, immutable version.',
  options: z.object({ run: runArgument, ...publishOptions }),
  async run(options, { signal }) {
    requireReason(options);
    const bucket = await openNamedBucket(options, signal);
    const { publishRun } = await import('../run/publish.ts');
    const publication = await publishRun(bucket, options.run, { ...options, signal });
    await printPublication(bucket, publication, options);
  },
});

/** Prints a publication. Sets exit code 1 if the alias did not move. */
export async function printPublication(
  bucket: Bucket,
  { manifest, move }: Publication,
  { alias, json }: { alias?: string | undefined; json: boolean },
): Promise<void> {
  const { describeMove } = await import('../registry/move-alias.ts');
  const { name, version } = manifest;
  printResult(json, { name, version, alias: alias ?? null, move }, () => {
    const moved = move ? `; ${describeMove(alias ?? '', move)}` : '';
    return `Published ${version} of ${name} to ${bucket.url}${moved}\n`;
  });
  if (move?.outcome === 'kept') process.exitCode = 1;
}
