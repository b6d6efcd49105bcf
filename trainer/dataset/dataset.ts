/** Grey images and what they show, in file order. */
export interface ImageSet {
  /** `count * height * width` bytes, 0 black to 255 white. */
  images: Uint8Array;
  /** `count` class ids. */
  labels: Uint8Array;
  count: number;
}

/** A data set in memory, read and checked. */
export interface Dataset {
  name: string;
  height: number;
  width: number;
  /** One name per class; the position is the class's id. */
  labels: readonly string[];
  train: ImageSet;
  test: ImageSet;
  /**
   * Name of each IDX file to the SHA-256 of its uncompressed bytes. The same images are published in
   * several gzip encodings (with and without a file name and time in the header), so a hash of the
   * compressed file would not identify the data.
   */
  files: Record<string, string>;
  /** What `--dataset` takes to load it again: the name of a known data set, or the absolute path of a folder. */
  origin: string;
  /** Where the files came from, for people. */
  source: string;
}
