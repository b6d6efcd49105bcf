/** A picture of the corpus: a test image, enlarged and encoded. */
export interface CorpusFile {
  /** The test image's number. */
  index: number;
  /** Format, variant and encoder, such as `jpeg-progressive-sharp`. */
  kind: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/** Whether a kind is lossless; others change some pixels a little. */
export const keepsEveryPixel = (kind: string): boolean =>
  /^(png|gif|bmp|webp-(lossless|transparent|turned|animated))(-|$)/.test(kind);
