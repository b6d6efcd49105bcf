import type { DatasetInfo, Manifest } from '../../shared/registry/manifest.ts';

/** The logits of test images, which are the same for every request of a version. */
export interface LogitsCache {
  /**
   * Returns the cached logits of a test image, or those that `predict` computes.
   *
   * @param manifest the loaded model's: this object identifies the model
   * @param info the test set's: this object identifies the upload
   */
  getOrCompute(
    manifest: Manifest,
    info: DatasetInfo,
    index: number,
    predict: () => Float32Array,
  ): Float32Array;
}

interface Entry {
  manifest: Manifest;
  info: DatasetInfo;
  isKnown: Uint8Array;
  logits: Float32Array;
}

/**
 * Caches logits, 40 bytes per image with ten labels, for the most recently used models.
 *
 * @param maxNumbers the size of all entries together, in numbers of 4 bytes (default: 1,000,000). 0: no cache
 */
export function openLogitsCache(maxNumbers = 1_000_000): LogitsCache {
  // The most recently used entry comes first.
  let entries: Entry[] = [];

  function entryFor(manifest: Manifest, info: DatasetInfo): Entry {
    const [first] = entries;
    if (first?.manifest === manifest && first.info === info) return first;
    const found = entries.find((entry) => entry.manifest === manifest && entry.info === info) ?? {
      manifest,
      info,
      isKnown: new Uint8Array(info.images),
      logits: new Float32Array(info.images * manifest.model.labels.length),
    };
    entries = [found, ...entries.filter((entry) => entry !== found)];
    while (entries.reduce((sum, { logits }) => sum + logits.length, 0) > maxNumbers) entries.pop();
    return found;
  }

  return {
    getOrCompute(manifest, info, index, predict) {
      const classes = manifest.model.labels.length;
      if (info.images * classes > maxNumbers) return predict();
      const { logits, isKnown } = entryFor(manifest, info);
      const cached = logits.subarray(index * classes, (index + 1) * classes);
      if (!isKnown[index]) {
        cached.set(predict());
        isKnown[index] = 1;
      }
      return cached;
    },
  };
}
