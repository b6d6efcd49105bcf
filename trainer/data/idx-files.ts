/** Finds IDX files under the names that MNIST, EMNIST, torchvision and Kaggle give them. */
import { type Dirent, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readRegularFile } from '../../node/files.ts';
import { InvalidDatasetError, MissingFileError } from './dataset.ts';

/** `train-images-idx3-ubyte`, `train-images.idx3-ubyte`, `emnist-letters-test-labels-idx1-ubyte.gz`. */
const fileName = /^(.*-)?(train|t10k|test)-(images|labels)[-.]idx([13])-ubyte(\.gz)?$/;

/** Files of a million images have 784 MB. */
const maxFileBytes = 2 ** 30;

/**
 * Finds the IDX files in a folder, in `raw/` in it, or in `raw/` one folder deeper, as in torchvision's `MNIST/raw/`.
 *
 * @returns their paths under MNIST's names; empty if there are none. Of a file and its `.gz`, the `.gz` is taken
 * @throws {InvalidDatasetError} if they are of several data sets
 */
export function findIdxFiles(folder: string): Map<string, string> {
  const own = groupsIn(folder);
  const folders = entriesIn(folder).filter((entry) => !entry.isFile());
  const deeper = ['raw', ...folders.map(({ name }) => join(name, 'raw'))];
  const groups = own.length > 0 ? own : deeper.flatMap((name) => groupsIn(join(folder, name)));
  if (groups.length > 1) {
    const names = groups.map(({ place, prefix }) => join(place, `${prefix}*`));
    throw new InvalidDatasetError(
      `${folder} has the IDX files of several data sets: ${names.join(', ')}. Put those of one into a folder of their own.`,
    );
  }
  return groups[0]?.files ?? new Map();
}

interface Group {
  place: string;
  /** What the names of the files start with, such as `emnist-letters-`. */
  prefix: string;
  files: Map<string, string>;
}

function groupsIn(place: string): Group[] {
  const groups = new Map<string, Map<string, string>>();
  for (const entry of entriesIn(place)) {
    const [match, prefix = '', set = '', kind, dimensions, gz] =
      fileName.exec(entry.name.toLowerCase()) ?? [];
    if (match === undefined) continue;
    const part = set === 'train' ? 'train' : 't10k';
    const name = `${part}-${kind}-idx${dimensions}-ubyte`;
    const files = groups.get(prefix) ?? new Map<string, string>();
    // Kaggle unpacks each file into a folder of its name.
    const path = join(place, entry.name, entry.isDirectory() ? entry.name : '');
    if (gz || !files.has(name)) files.set(name, path);
    groups.set(prefix, files);
  }
  return Array.from(groups, ([prefix, files]) => ({ place, prefix, files }));
}

function entriesIn(place: string): Dirent[] {
  try {
    return readdirSync(place, { withFileTypes: true });
  } catch {
    // The folder is missing, as raw/ is in most folders, or is a file.
    return [];
  }
}

/**
 * Reads an IDX file, which may be a `.gz`.
 *
 * @param name MNIST's name of it
 * @throws {MissingFileError} if the folder lacks it
 */
export async function readIdxFile(folder: string, name: string) {
  const path = findIdxFiles(folder).get(name);
  if (path === undefined) throw new MissingFileError(folder, name);
  return { path, bytes: await readRegularFile(path, maxFileBytes) };
}
