import { loadDataset } from '../dataset/load-dataset.ts';
import { readRun } from '../run/read-run.ts';
import type { TrainedModel } from './trained-model.ts';

/**
 * The model that a training left in its folder.
 *
 * @throws {RunError} where the folder is no whole run
 */
export async function modelOfRun(folder: string): Promise<TrainedModel> {
  const { config, epoch, files } = await readRun(folder);
  const { spec, dataset } = config;
  return {
    identity: { name: spec.name, run: folder, epoch: epoch.epoch },
    description: `${spec.name}, epoch ${epoch.epoch} of run ${folder}`,
    spec,
    files,
    recorded: { accuracy: epoch.accuracy, loss: epoch.loss },
    async loadTest(options) {
      const origin = dataset.origin ?? dataset.name;
      const { name, test } = await loadDataset({ ...options, dataset: origin });
      return { ...test, name };
    },
  };
}
