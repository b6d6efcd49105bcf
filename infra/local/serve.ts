import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { modelNameFor } from '../../shared/model/model-spec.ts';
import { datasetName, isKnownDataset } from '../../trainer/data/known-datasets.ts';
import type { StartOptions } from './options.ts';
import { runTrainer } from './run-trainer.ts';
import { type LocalWorker, launchLocalWorker } from './worker.ts';

export interface ServeLocallyOptions extends StartOptions {
  /** Stops everything. The promise resolves when all processes have ended. */
  signal: AbortSignal;
  /** Prints a line. */
  print: (text: string) => void;
}

/**
 * How often the trainer sends a request to the bucket, as the Worker may need longer to start than the images to be read: for some two
 * minutes, longer than the Worker may take.
 */
const startAttempts = '20';

/**
 * Starts the Worker and serves until the signal. Trains and publishes a model first if none is served yet, or if `retrain` is set.
 *
 * @returns the exit code: 0 after the signal, the trainer's if the training failed, 1 if the Worker ended by itself
 */
export async function serveLocally(options: ServeLocallyOptions): Promise<number> {
  const { port, persistTo, print } = options;
  // The training also stops when the Worker ends, because its model could not be published.
  const ending = new AbortController();
  const signal = AbortSignal.any([options.signal, ending.signal]);
  const dataset = datasetName(options.dataset);
  const variables = {
    MODEL_NAME: modelNameFor(dataset),
    DATASET_NAME: dataset,
    SNAPSHOT: 'on',
  };
  const isNew = !existsSync(persistTo) || readdirSync(persistTo).length === 0;
  // Known data sets are read before the Worker could start.
  const startsAtOnce = (options.retrain || isNew) && !isKnownDataset(dataset);
  const worker = await launchLocalWorker({ port, persistTo, variables, signal: options.signal });
  const workerEnded = worker.exited.then(() => ending.abort());
  try {
    const page = worker.url.replace('127.0.0.1', 'localhost');
    print(`Starting the Worker at ${page} …`);
    // Nothing is published in a new bucket: the images are read while the Worker starts.
    if (!startsAtOnce) await worker.started;
    if (options.retrain || isNew || !(await isReady(worker, signal))) {
      print(
        'It answers with the starter model until the first one is published, and then serves each as soon as it is published.',
      );
      const code = await runTrainer(
        ['--publish', 's3://catwalk', '--alias', 'production', ...options.trainerArguments],
        { AWS_MAX_ATTEMPTS: startAttempts, ...worker.env },
        signal,
      );
      if (code !== 0 && !signal.aborted) {
        print(`Training failed with exit code ${code}; the Worker is shut down.`);
        return code;
      }
    }
    await worker.started;
    if (!signal.aborted) {
      print(welcome(page, worker.logFile));
      await aborted(signal);
    }
    if (options.signal.aborted) return 0;
    await workerEnded;
    print(`The Worker ended by itself. The end of its log, ${worker.logFile}:`);
    print((await readFile(worker.logFile, 'utf8')).trimEnd().split('\n').slice(-20).join('\n'));
    return 1;
  } finally {
    await worker.stop();
  }
}

async function isReady({ url }: LocalWorker, signal: AbortSignal): Promise<boolean> {
  const response = await fetch(`${url}/readyz`, { signal });
  const { degraded } = (await response.json()) as { degraded?: boolean };
  // The starter model answers until one is published.
  return response.ok && degraded === false;
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

const welcome = (page: string, logFile: string) => `
Catwalk serves at ${page} (the Worker's log is ${logFile}). Open the page, or try:

  curl '${page}/predict?index=0'
  curl -s ${page}/images/0.png > boot.png && curl --data-binary @boot.png -H 'content-type: image/png' ${page}/predict

Ctrl-C ends it.`;
