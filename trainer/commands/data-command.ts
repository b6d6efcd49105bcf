import type { Command } from 'commander';
import * as z from 'zod';
import { bucketOptions, jsonOption, openNamedBucket } from './bucket-options.ts';
import { addSchemaOptions, parseSchemaOptions } from './schema-options.ts';

const dataOptionsSchema = z.object({
  dataDir: z
    .string()
    .min(1)
    .optional()
    .describe('check the files in this folder instead')
    .meta({ value: '<folder>' }),
  offline: z.boolean().default(false).describe('take only what is on this machine'),
  json: z.boolean().default(false).describe('print one JSON object'),
});

const uploadOptionsSchema = z.object({
  dataDir: dataOptionsSchema.shape.dataDir,
  offline: dataOptionsSchema.shape.offline,
  ...bucketOptions,
  json: jsonOption,
});

/** Adds `catwalk data` and `catwalk data upload`. */
export function addDataCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command('data')
    .description('Fetches Fashion-MNIST, checks it (SHA-256) and keeps it for the next time.');
  addSchemaOptions(command, dataOptionsSchema).action(async (raw) => {
    const { dataDir, offline, json } = parseSchemaOptions(dataOptionsSchema, raw);
    const { loadDataset } = await import('../dataset/load-dataset.ts');
    const { name, train, test, files, source } = await loadDataset({
      dataDir,
      offline,
      signal,
      onProgress: (message) => process.stderr.write(`${message}\n`),
    });
    const summary = { name, train: train.count, test: test.count, source, files };
    if (json) {
      process.stdout.write(`${JSON.stringify(summary)}\n`);
      return;
    }
    process.stdout.write(
      `${name}: ${train.count} training and ${test.count} test images, from ${source}\n`,
    );
    for (const [file, sha256] of Object.entries(files)) {
      process.stdout.write(`  ${sha256}  ${file}\n`);
    }
  });

  const upload = command
    .command('upload')
    .description(
      'Puts the test set into the bucket, uncompressed, so that the Worker reads one image at a time.',
    );
  addSchemaOptions(upload, uploadOptionsSchema).action(async () => {
    // An option that stands before the word `upload` is the parent's for commander.
    const options = parseSchemaOptions(uploadOptionsSchema, upload.optsWithGlobals());
    const { dataDir, offline, json } = options;
    const bucket = await openNamedBucket(options, signal);
    const { loadDataset } = await import('../dataset/load-dataset.ts');
    const { uploadTestSet } = await import('../publish/upload-test-set.ts');
    const dataset = await loadDataset({
      dataDir,
      offline,
      signal,
      onProgress: (message) => process.stderr.write(`${message}\n`),
    });
    const outcome = await uploadTestSet(bucket, dataset);
    const { name, test } = dataset;
    const images = `${test.count} test images of ${name}`;
    process.stdout.write(
      json
        ? `${JSON.stringify({ name, images: test.count, bucket: bucket.url, outcome })}\n`
        : `${outcome === 'uploaded' ? `Uploaded ${images} to` : `Nothing to do: ${images} are in`} ${bucket.url}\n`,
    );
  });
}
