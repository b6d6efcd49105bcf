/**
 * `npm run snapshot -- --bucket s3://…`: refreshes the starter model in edge/snapshot, which a deployment carries until it has a
 * version of its own. `npm run deploy` refreshes only the copy that it uploads.
 */
import { Command } from 'commander';
import { openBucket } from '../../trainer/registry/bucket.ts';
import { splitUrl } from '../../trainer/registry/bucket-location.ts';
import { committedSnapshot } from './folders.ts';
import { writeSnapshot } from './write-snapshot.ts';

const options = new Command('npm run snapshot --')
  .description('Replaces the starter model in edge/snapshot with the version that an alias names.')
  .requiredOption('--bucket <url>', 'bucket to read')
  .option('--model <name>', 'model', 'fashion-mnist-cnn')
  .option('--alias <name>', 'alias', 'production')
  .option('--dataset <name>', 'data set', 'fashion-mnist')
  .parse()
  .opts<{ bucket: string; model: string; alias: string; dataset: string }>();

const bucket = openBucket({ url: options.bucket, environment: process.env });
const version = await writeSnapshot({
  ...options,
  read: async (key) => (await bucket.get(key))?.bytes ?? null,
  prefix: splitUrl(options.bucket).prefix,
  folder: committedSnapshot,
});
if (version === null) throw new Error(`${options.bucket} has no alias ${options.alias}.`);
console.log(`edge/snapshot has ${version}`);
