/** Finds images that are in several parts of a data set: by their files' bytes, and by their pixels. */
import type { FolderReport, ImageSet, ImageShape } from './dataset.ts';
import type { PartName } from './folder-layout.ts';
import { openNearDuplicates } from './near-duplicates.ts';

interface FoundImage {
  path: string;
  /** Of the file. */
  sha256: string;
}

/** The images of each part, one list per label. */
type Parts<Value> = Record<PartName, Value | null>;

const partNames = ['train', 'validation', 'test'] as const;

/** Lets the labels alternate in proportion. */
export const alternate = <T>(perLabel: readonly T[][]): T[] =>
  perLabel
    .flatMap((ofLabel, label) =>
      ofLabel.map((item, i) => ({ item, label, position: (i + 0.5) / ofLabel.length })),
    )
    .sort((a, b) => a.position - b.position || a.label - b.label)
    .map(({ item }) => item);

/** Finds the images whose bytes are in more than one part. */
export function duplicatesIn(parts: Parts<FoundImage[][]>): FolderReport['duplicates'] {
  const seen = new Map<string, string>();
  const duplicates: FolderReport['duplicates'] = [];
  for (const part of partNames) {
    const images = parts[part]?.flat() ?? [];
    for (const { sha256, path } of images) {
      const sameAs = seen.get(sha256);
      if (sameAs !== undefined) duplicates.push({ part, path, sameAs });
    }
    for (const { sha256, path } of images) if (!seen.has(sha256)) seen.set(sha256, path);
  }
  return duplicates;
}

/**
 * Finds the validation and test images that show the same as a training image, without those of the same bytes.
 *
 * @param sets the images of the parts, in the order of `alternate`
 */
export function nearDuplicatesIn(
  shape: ImageShape,
  sets: Parts<ImageSet>,
  parts: Parts<FoundImage[][]>,
  exact: FolderReport['duplicates'],
): FolderReport['nearDuplicates'] {
  const known = new Set(exact.map(({ path }) => path));
  const pathsOf = (part: PartName) => alternate(parts[part] ?? []).map(({ path }) => path);
  if (!sets.train) return [];
  const find = openNearDuplicates(shape, sets.train);
  const earlier = pathsOf('train');
  return (['validation', 'test'] as const).flatMap((part) => {
    const later = sets[part];
    if (!later) return [];
    const paths = pathsOf(part);
    return find(later)
      .map(({ image, sameAs }) => ({
        part,
        path: paths[image] as string,
        sameAs: earlier[sameAs] as string,
      }))
      .filter(({ path }) => !known.has(path));
  });
}
