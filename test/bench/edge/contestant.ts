/** A way to run the network. */
export interface Contestant {
  name: string;
  /** @returns the logits of the first 64 test images, in batches of `batch` */
  logits(batch: number): Promise<number[]>;
  /**
   * Runs a number of forward passes one after the other; 0 measures the cost of the request itself.
   *
   * @returns milliseconds
   */
  time(batch: number, times: number): Promise<number>;
  close(): Promise<void>;
}
