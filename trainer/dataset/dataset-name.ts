import { basename, resolve } from 'node:path';
import { BadDatasetError } from './errors.ts';
import { isKnownDataset } from './known-datasets.ts';

/** `<name>-cnn` is the model's name, which has 64 characters at most. */
const longestName = 60;

/**
 * The name of what `--dataset` names: a known data set's own, or a folder's in lower case, with dashes.
 *
 * @throws {BadDatasetError} where the folder's name has no letter or digit
 */
export function datasetName(dataset: string): string {
  if (isKnownDataset(dataset)) return dataset;
  const name = basename(resolve(dataset))
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, longestName)
    .replace(/^-+|-+$/g, '');
  if (name !== '') return name;
  throw new BadDatasetError(
    `${dataset} gives a data set no name: give the folder a name with letters a to z or digits.`,
  );
}
