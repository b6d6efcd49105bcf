import type { BackendChoice, DeviceChoice, OpenBackend } from '../backend/backend.ts';
import { openBackend, openFastest } from '../backend/open-backend.ts';
import { readModelWeights } from '../weights/read-model-weights.ts';
import type { LayerTensor } from '../weights/tensor.ts';
import type { TrainedModel } from './trained-model.ts';

export interface BackendOptions {
  backend: BackendChoice;
  device: DeviceChoice;
}

/**
 * Opens a backend and reads a model's weights with it.
 *
 * @throws {Error} if no backend opens, or the files are not a model or do not match its spec
 */
export async function openModel(
  { spec, files, description }: Pick<TrainedModel, 'spec' | 'files' | 'description'>,
  { backend, device }: BackendOptions,
): Promise<{ weights: LayerTensor[]; backend: OpenBackend }> {
  const { opened } = await openFastest(backend, device, (name, on) =>
    openBackend(name, { device: on }),
  );
  try {
    return { weights: await readModelWeights(spec, files), backend: opened };
  } catch (cause) {
    throw new Error(
      `The files of ${description} are not a usable model: ${(cause as Error).message}`,
      { cause },
    );
  }
}
