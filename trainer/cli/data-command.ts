import type { Command } from 'commander';
import * as z from 'zod';
import {
  addSchemaOptions,
  argumentsOf,
  parseSchemaOptions,
  UsageError,
} from '../../node/options.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Bucket } from '../registry/bucket.ts';
import type { CollectedFeedback } from '../registry/feedback.ts';
import { trainOptionsSchema } from '../run/options.ts';
import { bucketOptions, jsonOption, modelOption, openNamedBucket } from './bucket-options.ts';

const { dataset, dataDir } = trainOptionsSchema.shape;
const dataOptionsSchema = z.object({
  action: z
    .enum(['upload', 'feedback'])
    .optional()
    .describe(
      'upload: also put the test set into the bucket, where the Worker reads it; feedback: make a training set of the true labels that callers have told the Worker',
    )
    .meta({ argument: true }),
  dataset,
  dataDir,
  offline: z.boolean().default(false).describe('take only what is on this machine'),
  name: modelOption,
  out: z
    .string()
    .min(1)
    .optional()
    .describe('of feedback: the folder to write, which train --dataset takes')
    .meta({ value: '<folder>' }),
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
    const { action, out } = options;
    if (action === 'feedback' && out === undefined) {
      throw new UsageError('--out: name the folder to write the training set into');
    }
    // A wrong name is told before anything is fetched.
    const bucket = action === undefined ? null : await openNamedBucket(options, signal);
    const { loadDataset } = await import('../data/load-dataset.ts');
    const loaded = await loadDataset({
      dataset: options.dataset,
      dataDir: options.dataDir,
      offline: options.offline,
      signal,
      onProgress: (message) => process.stderr.write(`${message}\n`),
    });
    if (bucket && out !== undefined && action === 'feedback') {
      await writeFeedback(bucket, loaded, { ...options, out, signal });
      return;
    }
    const { uploadTestSet } = await import('../registry/test-set.ts');
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

async function writeFeedback(
  bucket: Bucket,
  base: Dataset,
  options: { name: string; out: string; json: boolean; signal: AbortSignal },
): Promise<void> {
  const { name, out, json, signal } = options;
  const { collectFeedback } = await import('../registry/feedback.ts');
  const { writeTrainingSet } = await import('../data/idx-folder.ts');
  const collected = await collectFeedback(bucket, name, base);
  const { images, ...account } = collected;
  if (images.count > 0) await writeTrainingSet(out, base, images, signal);
  process.stdout.write(
    json
      ? `${JSON.stringify({ ...account, added: images.count, folder: images.count > 0 ? out : null })}\n`
      : describeFeedback(collected, out),
  );
}

function describeFeedback(collected: CollectedFeedback, out: string): string {
  const { images, records, repeated, known, ofTestSet, conflicts, refused } = collected;
  const lines = [
    `${records} labels told; ${images.count} new images`,
    `  left out: ${repeated} told again, ${known} in the training set already, ${ofTestSet} of the test set, ${conflicts.length} with labels that differ`,
    ...conflicts.map(({ keys, labels }) => `  differ: ${labels.join(' or ')}: ${keys.join(', ')}`),
    ...refused.map(({ key, reason }) => `  not used: ${key}: ${reason}`),
    images.count > 0
      ? `Train on them: npx catwalk train --dataset ${out}`
      : 'There is nothing new to train on; no folder is written.',
  ];
  return `${lines.join('\n')}\n`;
}

function describe({ name, labels, train, test, source, files }: Dataset): string {
  const lines = [
    `${name}: ${train.count} training and ${test.count} test images, from ${source}`,
    `  ${labels.length} labels: ${labels.join(', ')}`,
    ...Object.entries(files).map(([file, sha256]) => `  ${sha256}  ${file}`),
  ];
  return `${lines.join('\n')}\n`;
}
