/** A file with weights can't be read, or holds others than those of the network. */
export class WeightsFileError extends Error {
  override name = 'WeightsFileError';
}
