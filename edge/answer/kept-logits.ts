import type { DatasetInfo, Manifest } from '../../shared/manifest.ts';

export interface KeptLogits {
  /**
   * @param manifest the model's: this object stands for it, so that it can be dropped
   * @param info the test set's
   * @param index of a test image
   * @returns what the model gave for it, from before or from `predict`
   */
  of(
    manifest: Manifest,
    info: DatasetInfo,
    index: number,
    predict: () => Float32Array,
  ): Float32Array;
}

/**
 * Remembers the logits of the test images, which a version gives again and again: 40 bytes each, for the last model and test set that
 * was asked about. A larger test set than there's room for is not remembered.
 *
 * @param mostNumbers room for so many: 4 MB unless told; 0 remembers nothing
 */
export function keepLogits(mostNumbers = 1_000_000): KeptLogits {
  let keptFor: { manifest: Manifest; info: DatasetInfo } | null = null;
  let isKnown = new Uint8Array(0);
  let logits = new Float32Array(0);
  return {
    of(manifest, info, index, predict) {
      const classes = manifest.model.labels.length;
      if (info.images * classes > mostNumbers) return predict();
      if (keptFor?.manifest !== manifest || keptFor.info !== info) {
        keptFor = { manifest, info };
        isKnown = new Uint8Array(info.images);
        logits = new Float32Array(info.images * classes);
      }
      const place = logits.subarray(index * classes, (index + 1) * classes);
      if (!isKnown[index]) {
        place.set(predict());
        isKnown[index] = 1;
      }
      return place;
    },
  };
}
