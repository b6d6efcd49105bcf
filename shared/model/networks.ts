import { mobilenetFor } from './mobilenet.ts';
import { cnnFor, type DatasetShape, type NetworkName } from './model-spec.ts';
import { residualFor } from './residual.ts';
import type { TrainingSpec } from './training-spec.ts';

/**
 * Returns a network for a data set as it trains, with one logit per label.
 *
 * @throws {z.ZodError} if the data set's name, size, colours or labels are invalid for it
 * @throws {NetworkTooLargeError} if a Worker could not load it
 */
export function networkFor(dataset: DatasetShape, network: NetworkName): TrainingSpec {
  if (network === 'mobilenet') return mobilenetFor(dataset);
  return network === 'residual' ? residualFor(dataset) : cnnFor(dataset, network);
}
