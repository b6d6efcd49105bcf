import type { ImageSet } from '../dataset/dataset.ts';
import type { Guess, RunConfig, RunEpoch } from '../run/run-records.ts';

/** All that a run's report is made of. */
export interface RunReport {
  /** Names the run. */
  id: string;
  config: RunConfig;
  /** One or more, in order. */
  epochs: readonly RunEpoch[];
  /** The one of `epochs` whose weights are the run's model. */
  epoch: RunEpoch;
  test: ImageSet;
}

/** The image of a guess, with the names of its labels. */
export function pictureOf({ config, test }: RunReport, guess: Guess) {
  const { labels, inputShape } = config.spec;
  const [height, width] = inputShape;
  const size = height * width;
  return {
    pixels: test.images.subarray(guess.index * size, (guess.index + 1) * size),
    height,
    width,
    predicted: labels[guess.predicted] as string,
    actual: labels[guess.actual] as string,
  };
}

export const percent = (share: number, digits = 2): string => `${(100 * share).toFixed(digits)} %`;

/** Where the weights are from: `epoch 3 of 5`, or `imported from model.pth`. */
export function provenanceOf({ config, epoch }: Pick<RunReport, 'config' | 'epoch'>): string {
  const { parent } = config;
  if (parent && 'file' in parent) return `imported from ${parent.file}`;
  return `epoch ${epoch.epoch} of ${config.epochs}`;
}
