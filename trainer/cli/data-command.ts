import * as z from 'zod';
import { argument, count, flag, option, text, UsageError } from '../../node/options.ts';
import { printProgress, printResult, shellQuoted, textTable } from '../../node/text.ts';
import type { Dataset } from '../data/dataset.ts';
import type { LabelCounts } from '../data/folder-report.ts';
import type { Bucket } from '../registry/bucket.ts';
import type { CollectedFeedback } from '../registry/feedback.ts';
import { trainOptionsSchema } from '../run/options.ts';
import { bucketOptions, jsonOption, modelOption, openNamedBucket } from './bucket-options.ts';
import { defineCommand } from './command.ts';

const { dataset, background, fit, colour, size, dataDir, skipUnreadable, labelOffset } =
  trainOptionsSchema.shape;

export const data = defineCommand({
  name: 'data',
  description: 'Downloads a data set, verifies its files and caches them.',
  options: z.object({
    action: argument(
      'upload: also upload the test set to the bucket, for the Worker; feedback: write a training set from the labels that callers sent to POST /feedback',
      z.enum(['upload', 'feedback']).optional(),
    ),
    dataset: dataset.describe(
      'the data set: fashion-mnist, mnist, kmnist, or a folder of IDX files or of images, here or in a bucket',
    ),
    background,
    fit,
    colour,
    size,
    dataDir,
    skipUnreadable,
    labelOffset,
    offline: flag('use local files only, download nothing'),
    name: modelOption.describe('for feedback: the model that the labels were sent for'),
    out: option(
      '<folder>',
      'for feedback: the folder to write; pass it to `train --dataset`',
      text.optional(),
    ),
    minVotes: option(
      '<count>',
      'for feedback: how many clients must agree on a label. Without tokens, how many days. Use 2 or more if POST /feedback is open',
      count.default(1),
    ),
    ...bucketOptions,
    json: jsonOption,
  }),
  async run(options, { signal }) {
    const { action, out, json } = options;
    if (action === 'feedback' && out === undefined) {
      throw new UsageError('--out: name the folder to write the training set to');
    }
    const bucket = action === undefined ? null : await openNamedBucket(options, signal);
    const { openDataset } = await import('../registry/open-dataset.ts');
    const { imageProgress } = await import('./reporters.ts');
    const progress = imageProgress(process.stderr);
    const reporting = { signal, onProgress: printProgress, onImages: progress.update };
    const loaded = await openDataset({ ...options, ...reporting }, options).finally(progress.close);
    if (bucket && out !== undefined && action === 'feedback') {
      await writeFeedback(bucket, loaded, { ...options, out, signal });
      return;
    }
    const { uploadTestSet } = await import('../registry/test-set.ts');
    const upload = bucket ? await uploadTestSet(bucket, loaded) : null;
    const { countsPerLabel } = await import('../data/folder-report.ts');
    const { name, labels, train, validation, test, source, files, folder } = loaded;
    const counts = { train: train.count, validation: validation?.count ?? 0, test: test.count };
    const perLabel = countsPerLabel(loaded);
    printResult(json, { name, ...counts, labels, perLabel, source, files, ...folder, upload }, () =>
      [
        lines([`${name}: ${describeCounts(counts)}, from ${source}`]),
        describeLabels(perLabel),
        lines([
          ...Object.entries(files).map(([file, sha256]) => `  ${sha256}  ${file}`),
          ...(upload ? [`Test set ${upload} in ${bucket?.url}`] : []),
        ]),
      ].join(''),
    );
  },
});

const describeCounts = ({ train, validation, test }: Omit<LabelCounts, 'label'>) =>
  `${train} training${validation > 0 ? `, ${validation} validation` : ''} and ${test} test images`;

/** More labels don't fit on a terminal's page. */
const maxRows = 40;

function describeLabels(perLabel: readonly LabelCounts[]): string {
  if (perLabel.length > maxRows) {
    return lines([`  ${perLabel.length} labels: ${perLabel.map(({ label }) => label).join(', ')}`]);
  }
  const hasValidation = perLabel.some(({ validation }) => validation > 0);
  const rows = perLabel.map(({ label, train, validation, test }) =>
    [label, train, ...(hasValidation ? [validation] : []), test].map(String),
  );
  return textTable(['LABEL', 'TRAIN', ...(hasValidation ? ['VALIDATION'] : []), 'TEST'], rows);
}

async function writeFeedback(
  bucket: Bucket,
  base: Dataset,
  options: { name: string; out: string; minVotes: number; json: boolean; signal: AbortSignal },
): Promise<void> {
  const { name: model, out, minVotes, json, signal } = options;
  const { collectFeedback } = await import('../registry/feedback.ts');
  const { writeTrainingSet } = await import('../data/idx-folder.ts');
  const collected = await collectFeedback(bucket, { model, base, minVotes });
  const { images, ...account } = collected;
  const added = images.count;
  if (added > 0) await writeTrainingSet(out, base, images, signal);
  printResult(json, { ...account, added, folder: added > 0 ? out : null }, () =>
    describeFeedback(collected, out),
  );
}

function describeFeedback(collected: CollectedFeedback, out: string): string {
  const { images, records, repeated, known, ofTestSet, tooFewVotes, conflicts, refused } =
    collected;
  return lines([
    `${records} labels received; ${images.count} new images`,
    `  left out: ${repeated} repeated labels, ${known} images of the training set, ${ofTestSet} of the test set, ${tooFewVotes} with too few votes, ${conflicts.length} with conflicting labels`,
    ...conflicts.map(
      ({ keys, labels }) => `  conflict: ${labels.join(' or ')}: ${keys.join(', ')}`,
    ),
    ...refused.map(({ key, reason }) => `  invalid: ${key}: ${reason}`),
    images.count > 0
      ? `Train on them with: npx catwalk train --dataset ${shellQuoted(out)}`
      : 'There are no new images to train on, so no folder is written.',
  ]);
}

const lines = (texts: readonly string[]) => `${texts.join('\n')}\n`;
