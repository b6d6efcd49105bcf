import type { DatasetInfo, Manifest } from '../../shared/registry/manifest.ts';

export interface LogitsCache {
  /**
   * @param manifest the model's: this object stands for it, so that it can be dropped
   * @param info the test set's
   * @param index of a test image
   * @returns what the model gave for it, from before or from `predict`
   */
  getOrCompute(
    manifest: Manifest,
    info: DatasetInfo,
    index: number,
    predict: () => Float32Array,
  ): Float32Array;
}

interface Kept {
  manifest: Manifest;
  info: DatasetInfo;
  isKnown: Uint8Array;
  logits: Float32Array;
}

/**
 * Remembers the logits of the test images, which a version gives again and again: 40 bytes each, for the models that were asked last.
 *
 * @param maxNumbers room for so many, of all models together: 4 MB unless told; 0 remembers nothing
 */
export function openLogitsCache(maxNumbers = 1_000_000): LogitsCache {
  // The most recently asked comes first.
  let kept: Kept[] = [];

  function keptFor(manifest: Manifest, info: DatasetInfo): Kept {
    const [first] = kept;
    if (first?.manifest === manifest && first.info === info) return first;
    const length = info.images * manifest.model.labels.length;
    const found = kept.find((one) => one.manifest === manifest && one.info === info) ?? {
      ...{ manifest, info },
      isKnown: new Uint8Array(info.images),
      logits: new Float32Array(length),
    };
    kept = [found, ...kept.filter((one) => one !== found)];
    while (numbersOf(kept) > maxNumbers) kept.pop();
    return found;
  }

  return {
    getOrCompute(manifest, info, index, predict) {
      const classes = manifest.model.labels.length;
      if (info.images * classes > maxNumbers) return predict();
      const { logits, isKnown } = keptFor(manifest, info);
      const place = logits.subarray(index * classes, (index + 1) * classes);
      if (!isKnown[index]) {
        place.set(predict());
        isKnown[index] = 1;
      }
      return place;
    },
  };
}

const numbersOf = (kept: Kept[]) => kept.reduce((sum, { logits }) => sum + logits.length, 0);
