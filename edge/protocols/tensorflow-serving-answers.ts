import type { ModelSpec } from '../../shared/model-spec.ts';
import type { LoadFailure } from '../model/alias-follower.ts';
import { toProblem } from '../to-problem.ts';
import { inputName, outputName } from './tensor-names.ts';
import { versionNumber } from './version-number.ts';

/** A ModelVersionStatus (get_model_status.proto). */
interface VersionStatus {
  version: string;
  state: 'AVAILABLE' | 'END';
  status: { error_code: string; error_message: string };
}

export const available = (version: string): VersionStatus => ({
  version: versionNumber(version),
  state: 'AVAILABLE',
  status: { error_code: 'OK', error_message: '' },
});

/** What is in memory, and what should be but could not be loaded; the newest first. */
export function describeModels(
  inMemory: string[],
  failures: { failure: LoadFailure | null }[],
): VersionStatus[] {
  const statuses = inMemory.map(available);
  for (const { failure } of failures) {
    if (failure === null || failure.version === null) continue;
    const { code, message } = toProblem(failure.error);
    const errorCode = code === 'store_failed' ? 'UNAVAILABLE' : 'DATA_LOSS';
    statuses.push({
      version: versionNumber(failure.version),
      state: 'END',
      status: { error_code: errorCode, error_message: message },
    });
  }
  return statuses.sort((one, other) => Number(other.version) - Number(one.version));
}

/** The SignatureDefs (meta_graph.proto): one, the default. */
export function describeSignatures({ inputShape, labels }: ModelSpec) {
  return {
    serving_default: {
      inputs: { [inputName]: describeTensor(inputName, inputShape) },
      outputs: { [outputName]: describeTensor(outputName, [labels.length]) },
      method_name: 'tensorflow/serving/predict',
      defaults: {},
    },
  };
}

function describeTensor(name: string, shape: readonly number[]) {
  const dim = [-1, ...shape].map((size) => ({ size: String(size), name: '' }));
  return { dtype: 'DT_FLOAT', tensor_shape: { dim, unknown_rank: false }, name: `${name}:0` };
}
