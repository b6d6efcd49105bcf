import { buildModel } from '../../shared/model/build-model.ts';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import { openBackend } from '../backend/open-backend.ts';
import type { Dataset } from '../data/dataset.ts';
import { countsPerLabel } from '../data/folder-report.ts';
import { isKnownDataset } from '../data/known-datasets.ts';
import { collectMore } from './collect-more.ts';
import { epochInModel } from './read-run.ts';
import type { Reporter } from './record-training.ts';
import type { RunFolder } from './run-folder.ts';
import type { RunEpoch } from './run-records.ts';

/** Reports the name, the source and the images of a data set. */
export function reportDataset(dataset: Dataset, reporter: Reporter): void {
  const { name, train, validation, test, source, folder } = dataset;
  const counts = { train: train.count, validation: validation?.count ?? 0, test: test.count };
  const perLabel = countsPerLabel(dataset);
  reporter.report({
    event: 'dataset',
    name,
    ...counts,
    perLabel,
    source,
    ...(folder && { folder }),
  });
}

/** Reports the layers as TensorFlow.js prints them. @returns the number of parameters */
export async function reportModel(spec: ModelSpec, reporter: Reporter): Promise<number> {
  await openBackend('cpu');
  const model = buildModel(spec, 0);
  const summary: string[] = [];
  model.summary(undefined, undefined, (row: string) => summary.push(row));
  const parameters = model.countParams();
  reporter.report({ event: 'model', name: spec.name, summary, parameters });
  model.dispose();
  return parameters;
}

/** Reports the model of a run that has ended. */
export async function reportFinished(run: RunFolder, reporter: Reporter): Promise<void> {
  const { path, epochs, config } = run;
  const measured = await epochInModel(path, epochs);
  const { epoch, accuracy, loss, validation } = measured;
  const { epoch: lastEpoch, seconds } = epochs.at(-1) as RunEpoch;
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  const model = { epoch, accuracy, loss, validation };
  // Nobody collects more images of a known data set.
  const collect = isKnownDataset(config.dataset.name)
    ? undefined
    : collectMore(measured, config.spec.labels);
  const finished = {
    event: 'finished' as const,
    ...model,
    lastEpoch,
    seconds,
    run: path,
    peakBytes,
  };
  reporter.report(collect ? { ...finished, collect } : finished);
}
