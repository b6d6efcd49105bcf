import type { Command } from 'commander';
import * as z from 'zod';
import type { Dataset } from '../dataset/dataset.ts';
import { bucketOptions, jsonOption, openNamedBucket } from './bucket-options.ts';
import { addSchemaOptions, argumentsOf, parseSchemaOptions } from './schema-options.ts';
import { trainOptionsSchema } from './train-options.ts';

const { dataset, dataDir } = trainOptionsSchema.shape;
const dataOptionsSchema = z.object({
  action: z
    .enum(['upload'])
    .optional()
    .describe('upload: also put the test set into the bucket, where the Worker reads it')
    .meta({ argument: true }),
  dataset,
  dataDir,
  offline: z.boolean().default(false).describe('take only what is on this machine'),
  ...bucketOptions,
  json: jsonOption,
});

/** Adds `catwalk data`. */
export function addDataCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command('data')
    .description('Fetches a data set, checks every file and keeps it for the next time.');
  addSchemaOptions(command, dataOptionsSchema).action(async () => {
    const options = parseSchemaOptions(dataOptionsSchema, {
      ...command.opts(),
      ...argumentsOf(command),
    });
    const uploads = options.action === 'upload';
    // A wrong name is told before anything is fetched.
    const bucket = uploads ? await openNamedBucket(options, signal) : null;
    const { loadDataset } = await import('../dataset/load-dataset.ts');
    const loaded = await loadDataset({
      dataset: options.dataset,
      dataDir: options.dataDir,
      offline: options.offline,
      signal,
      onProgress: (message) => process.stderr.write(`${message}\n`),
    });
    const { uploadTestSet } = await import('../publish/upload-test-set.ts');
    const upload = bucket ? await uploadTestSet(bucket, loaded) : null;
    if (options.json) {
      const { name, labels, train, test, source, files } = loaded;
      const counts = { train: train.count, test: test.count };
      process.stdout.write(
        `${JSON.stringify({ name, ...counts, labels, source, files, upload })}\n`,
      );
      return;
    }
    process.stdout.write(describe(loaded));
    if (upload) process.stdout.write(`Test set ${upload} in ${bucket?.url}\n`);
  });
}

function describe({ name, labels, train, test, source, files }: Dataset): string {
  const lines = [
    `${name}: ${train.count} training and ${test.count} test images, from ${source}`,
    `  ${labels.length} labels: ${labels.join(', ')}`,
    ...Object.entries(files).map(([file, sha256]) => `  ${sha256}  ${file}`),
  ];
  return `${lines.join('\n')}\n`;
}
