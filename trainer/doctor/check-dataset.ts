import { BadDatasetError } from '../dataset/errors.ts';
import { loadDataset } from '../dataset/load-dataset.ts';
import { type Check, messageOf } from './check.ts';

/** Whether the data set is on this machine, undamaged. */
export const checkDataset: Check = async ({ dataset, dataDir }) => {
  const name = 'data set';
  try {
    const { source, train, test } = await loadDataset({ dataset, dataDir, offline: true });
    const detail = `${train.count} training and ${test.count} test images, from ${source}`;
    return [{ name, status: 'ok', detail }];
  } catch (error) {
    const isFolder = error instanceof BadDatasetError;
    const isGiven = dataDir !== undefined || isFolder;
    const advice = isFolder
      ? 'What a data set of your own looks like: docs/datasets.md'
      : isGiven
        ? 'Put the four files into that folder.'
        : 'Training fetches it; so does: npx catwalk data';
    // The first line says what is wrong; the others list every place that was tried.
    const [detail = ''] = messageOf(error).split('\n');
    return [{ name, status: isGiven ? 'fail' : 'warn', detail, advice }];
  }
};
