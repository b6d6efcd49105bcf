import type { BucketLayout } from '../../shared/registry/bucket-layout.ts';
import type { ObjectStore } from '../../shared/registry/object-store.ts';
import type { Background } from './alias-follower.ts';
import type { OpenFallback } from './fallback.ts';
import { openTestSet, type TestSet } from './test-set.ts';

/** The test sets in the bucket, and the part of one that the deployment carries. */
export interface TestSets {
  /**
   * Reads from a test set of the bucket, or from the snapshot if the bucket can't answer.
   *
   * @param name the data set (default: the Worker's own)
   * @param read runs again with the snapshot if it throws because of the bucket
   */
  use<Result>(
    name: string | null,
    read: (testSet: TestSet, isSnapshot: boolean) => Promise<Result>,
    background: Background,
  ): Promise<Result>;
}

interface Source {
  store: ObjectStore;
  layout: BucketLayout;
}

export interface TestSetsOptions extends Source {
  /** The Worker's own data set. */
  name: string;
  /** The first images of the Worker's own data set, as static assets. */
  snapshot: (Source & { openFallback: OpenFallback }) | null;
  pollMilliseconds: number;
  /** Milliseconds of a clock that never goes back. */
  now: () => number;
}

/** Data sets of other models, the least recently used of which goes first, and the bytes of images that each may cache. */
const maxOthers = 3;
const maxCachedBytesOfOther = 4 * 2 ** 20;

export function openTestSets(options: TestSetsOptions): TestSets {
  const { name: own, snapshot } = options;
  const main = openTestSet(options);
  const carried = snapshot && openTestSet({ ...options, ...snapshot, pollMilliseconds: Infinity });
  const withFallback = snapshot?.openFallback();
  // The least recently used comes first.
  const others = new Map<string, TestSet>();

  function other(name: string): TestSet {
    const found =
      others.get(name) ?? openTestSet({ ...options, name, maxCachedBytes: maxCachedBytesOfOther });
    others.delete(name);
    others.set(name, found);
    const [oldest] = others.keys();
    if (others.size > maxOthers && oldest !== undefined) others.delete(oldest);
    return found;
  }

  return {
    async use(name, read, background) {
      if (name !== null && name !== own) return read(other(name), false);
      if (!carried || !withFallback) return read(main, false);
      return withFallback(
        () => read(main, false),
        () => read(carried, true),
        background,
      );
    },
  };
}
