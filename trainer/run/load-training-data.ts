import type { Dataset, ImageSample } from '../data/dataset.ts';
import type { LoadDatasetOptions } from '../data/load-dataset.ts';
import { openDataset } from '../registry/open-dataset.ts';
import { chooseNetwork, defaultNetwork, defaultsOf, type NetworkChoice } from './choose-network.ts';
import type { ParentModel } from './parent-model.ts';
import type { RunPlan } from './plan-run.ts';

export interface TrainingData extends NetworkChoice {
  dataset: Dataset;
}

/** Loads the images of a training, and chooses the network by them. A resumed run and a parent model have theirs. */
export async function loadTrainingData(
  { options, resumed, dataset, datasetName }: RunPlan,
  parent: ParentModel | null,
  reporting: Pick<LoadDatasetOptions, 'signal' | 'onProgress' | 'onImages'>,
): Promise<TrainingData> {
  const { dataset: source, dataDir, fit, background, skipUnreadable, labelOffset } = options;
  const { colour = parent?.input?.colour, size = parent?.input?.size } = options;
  const { network = 'auto' } = options;
  const own = resumed && network !== 'auto' ? network : 'tutorial';
  const known: NetworkChoice | null =
    resumed || parent ? { network: parent?.isMobilenet ? 'mobilenet' : own, reason: null } : null;
  let choice = known ?? defaultNetwork(options);
  const defaults = (sample: ImageSample, images: number) => {
    choice = known ?? chooseNetwork(sample, images, options);
    return defaultsOf(choice.network, options.recipe);
  };
  const pictures = { fit, background, colour, size, skipUnreadable, labelOffset, defaults };
  const place = { dataset: source, dataDir };
  const opened = dataset ?? (await openDataset({ ...place, ...pictures, ...reporting }, options));
  const name = datasetName ?? opened.name;
  return { dataset: { ...opened, name }, ...choice };
}
