import type { Metrics } from '../../shared/registry/manifest.ts';
import type { OpenBackend } from '../backend/backend.ts';
import { computeMetrics } from '../train/metrics.ts';
import { type BackendOptions, openModel } from './open-model.ts';
import type { LoadTestOptions, TrainedModel } from './trained-model.ts';

export interface EvaluateOptions extends BackendOptions, LoadTestOptions {
  /** Called before the first image and after every batch. */
  onImages?: (done: number, of: number) => void;
}

export interface Evaluation {
  metrics: Metrics;
  dataset: { name: string; images: number };
  backend: OpenBackend;
  /** Time of the forward passes. */
  seconds: number;
}

/** Measures a model on its whole test set. */
export async function evaluateModel(
  model: TrainedModel,
  options: EvaluateOptions,
): Promise<Evaluation> {
  const { signal, onImages } = options;
  const test = await model.loadTest(options);
  const { logitsOf, backend } = await openModel(model, options);
  signal?.throwIfAborted();
  onImages?.(0, test.count);
  const start = performance.now();
  const logits = await logitsOf(test, signal, (done) => onImages?.(done, test.count));
  const seconds = (performance.now() - start) / 1000;
  return {
    metrics: computeMetrics(logits, test.labels, model.spec.labels),
    dataset: { name: test.name, images: test.count },
    backend,
    seconds,
  };
}
