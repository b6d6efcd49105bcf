import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Dataset } from './dataset.ts';
import { BadDatasetError } from './errors.ts';
import { idxFileNames, loadIdxFolder } from './idx-folder.ts';
import { loadImageFolder } from './image-folder.ts';
import { knownDatasets } from './known-datasets.ts';

export interface LoadFolderOptions {
  /** Told how far reading is. */
  onProgress?: ((message: string) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Loads a data set from a folder of four IDX files, or of images in train/<label>/ and test/<label>/.
 *
 * @throws {BadDatasetError} where it is no such folder, or a file in it can't be used; names the file
 */
export async function loadFolder(folder: string, options: LoadFolderOptions): Promise<Dataset> {
  const path = resolve(folder);
  const entries = await entriesOf(folder, path);
  if (['train', 'test'].every((name) => entries.includes(name))) {
    return loadImageFolder(path, options);
  }
  if (Object.values(idxFileNames).some((name) => entries.some((entry) => entry.startsWith(name)))) {
    return loadIdxFolder(path);
  }
  throw new BadDatasetError(
    `${folder} is no data set. It should hold train/ and test/, each with a folder of images for every label, or the IDX files ${Object.values(idxFileNames).join(', ')}, uncompressed or as .gz.`,
  );
}

async function entriesOf(folder: string, path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code !== 'ENOENT')
      throw new BadDatasetError(`${folder} can't be read: ${message}`, { cause });
    const names = Object.keys(knownDatasets).join(', ');
    throw new BadDatasetError(
      `There is no data set ${folder}: it is none of ${names}, and there is no such folder.`,
      { cause },
    );
  }
}
