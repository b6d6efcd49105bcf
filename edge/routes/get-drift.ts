import type { Manifest } from '../../shared/registry/manifest.ts';
import type { AppContext, Collaborators } from '../app-context.ts';
import { describeServed } from '../model/predict.ts';
import type { Predictions } from '../telemetry/counters.ts';
import { populationStability, sum } from './population-stability.ts';

/** From here on a population stability index is taken for a change. */
const changed = 0.1;

/**
 * GET /drift: what the version that answers has said of the images that were posted to this isolate, beside what it said of the test
 * set when it was published.
 */
export function getDrift({ telemetry, models, alias }: Collaborators) {
  return async function drift(context: AppContext) {
    const reference = await models.resolve({ alias }, context.executionCtx);
    const answer = await models.withModel(reference, (served) => ({
      model: describeServed(served),
      ...compare(served.model.manifest, telemetry.counters.posted.get(reference.version)),
    }));
    return context.json(answer);
  };
}

function compare({ model, metrics }: Manifest, posted: Predictions | undefined) {
  const observed = model.labels.map((_, id) => posted?.counts[id] ?? 0);
  // confusion[actual][predicted]: its columns are what the model says of the test set.
  const expected = model.labels.map((_, id) => sum(metrics.confusion.map((row) => row[id] ?? 0)));
  const [images, testImages] = [sum(observed), sum(expected)];
  const stability = images && testImages ? populationStability(observed, expected) : null;
  return {
    images,
    labels: model.labels.map((label, id) => ({
      ...{ id, label },
      observed: share(observed[id], images),
      expected: share(expected[id], testImages),
    })),
    confidence: {
      observed: posted ? posted.confidence / images : null,
      expected: metrics.meanConfidence ?? null,
    },
    populationStabilityIndex: stability,
    drifted: stability && stability.value > Math.max(changed, stability.byChance),
  };
}

const share = (count: number | undefined, total: number) =>
  total === 0 ? null : (count ?? 0) / total;
