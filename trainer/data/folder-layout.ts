/** Reads the layout of a folder of images: its parts, its labels and their files. */
import { type Dirent, readdirSync, realpathSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { formatCount } from '../../node/text.ts';
import { InvalidDatasetError } from './dataset.ts';

export type PartName = 'train' | 'validation' | 'test';

/** The names of the parts' folders, in lower case. */
const partNames: Record<string, PartName> = {
  train: 'train',
  training: 'train',
  val: 'validation',
  valid: 'validation',
  validation: 'validation',
  test: 'test',
  testing: 'test',
};

/** In one part, which bounds the memory. */
const maxImages = 100_000;
/** Folders within a label's folder. */
const maxDepth = 16;
/** Names that an error or a message lists. */
const maxListed = 10;

/** Folders and files that file managers, archivers and notebooks create, in lower case, beside those that start with a dot. */
const clutter = ['thumbs.db', 'ehthumbs.db', 'desktop.ini', '__macosx', '@eadir'];

const isClutter = (name: string) => name.startsWith('.') || clutter.includes(name.toLowerCase());

const byCodePoint = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Finds the folders of the parts, whose names may have any case.
 *
 * @throws {InvalidDatasetError} if two folders are the same part
 */
export function partsOf(folder: string): Partial<Record<PartName, string>> {
  const parts: Partial<Record<PartName, string>> = {};
  for (const entry of entriesIn(folder)) {
    const part = Object.hasOwn(partNames, entry.name.toLowerCase())
      ? (partNames[entry.name.toLowerCase()] as PartName)
      : null;
    const path = join(folder, entry.name);
    if (part === null || !isFolder(entry, path)) continue;
    if (parts[part] !== undefined) {
      throw new InvalidDatasetError(
        `${parts[part]} and ${path} are both the ${part} images. Move them into one folder.`,
      );
    }
    parts[part] = path;
  }
  return parts;
}

/** Returns the names of the folders in a folder, sorted, without clutter. */
export const foldersIn = (folder: string): string[] =>
  entriesIn(folder)
    .filter((entry) => isFolder(entry, join(folder, entry.name)))
    .map(({ name }) => name);

const imageExtensions = /^\.(png|jpe?g|jfif|webp|gif|bmp|heic|heif|avif|tiff?)$/i;

/**
 * Returns the labels in a part: the names of its folders, sorted. Other files than images may lie beside them.
 *
 * @throws {InvalidDatasetError} if an image is in no label's folder
 */
export function labelsIn(part: string): string[] {
  const entries = entriesIn(part);
  const stray = entries.find(
    (entry) =>
      imageExtensions.test(extname(entry.name)) && !isFolder(entry, join(part, entry.name)),
  );
  if (stray) {
    throw new InvalidDatasetError(
      `${join(part, stray.name)} is not in the folder of a label. Move it into one.`,
    );
  }
  return entries.filter((entry) => isFolder(entry, join(part, entry.name))).map(({ name }) => name);
}

/**
 * Lists the files of each label in a part, those in nested folders too, in an order that depends on their names only.
 *
 * @returns one list of paths per label
 * @throws {InvalidDatasetError} if there are too many, or folders are nested too deep or in themselves
 */
export function filesPerLabel(part: string, labels: readonly string[]): string[][] {
  let count = 0;
  return labels.map((label) => {
    const folder = join(part, label);
    const names: string[] = [];
    const visit = (below: string, ancestors: readonly string[]) => {
      const current = below === '' ? folder : join(folder, below);
      const real = realPathOf(current);
      // A label in train/ may have no folder in test/.
      if (real === null) return;
      if (ancestors.includes(real)) {
        throw new InvalidDatasetError(
          `${current} is a link to a folder that it is in. Remove the link.`,
        );
      }
      if (ancestors.length > maxDepth) {
        throw new InvalidDatasetError(
          `${current} is more than ${maxDepth} folders below ${folder}. Move its images up.`,
        );
      }
      for (const entry of entriesIn(current)) {
        const name = below === '' ? entry.name : `${below}/${entry.name}`;
        if (isFolder(entry, join(folder, name))) visit(name, [...ancestors, real]);
        else if (++count <= maxImages) names.push(name);
        else {
          throw new InvalidDatasetError(
            `${part} has more than ${formatCount(maxImages)} images. Train on fewer of them.`,
          );
        }
      }
    };
    visit('', []);
    return names.sort(byCodePoint).map((name) => join(folder, name));
  });
}

function entriesIn(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter(({ name }) => !isClutter(name))
      .sort((a, b) => byCodePoint(a.name, b.name));
  } catch (cause) {
    throw new InvalidDatasetError(`${folder} can't be read: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** Returns whether an entry is a folder or a link to one. A link without an end is a file that can't be read. */
function isFolder(entry: Dirent, path: string): boolean {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function realPathOf(path: string): string | null {
  try {
    return realpathSync(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new InvalidDatasetError(`${path} can't be read: ${(cause as Error).message}`, { cause });
  }
}

/** Formats a list for a message, one line each, at most ten. */
export function listLines(lines: readonly string[]): string {
  const more = lines.length - maxListed;
  const shown = lines.slice(0, maxListed).map((line) => `  - ${line}`);
  return [...shown, ...(more > 0 ? [`  - and ${more} more`] : [])].join('\n');
}
