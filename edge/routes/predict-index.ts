import type { Context } from 'hono';
import * as z from 'zod/mini';
import { toPrediction } from '../../shared/model/predict.ts';
import {
  type IndexedPrediction,
  indexedPredictionSchema,
  predictionSchema,
  type ServedModel,
  servedModelSchema,
} from '../../shared/model/prediction.ts';
import type { AppContext } from '../app-context.ts';
import { Problem } from '../errors.ts';
import { immutable, isKnown, nameModel } from '../http/headers.ts';
import {
  datasetParameter,
  indexSchema,
  isPinned,
  modelChoice,
  readTestImage,
} from '../input/parameters.ts';
import { describeServed, predictLogits } from '../model/predict.ts';
import type { Served } from '../model/served-models.ts';
import type { TestImage } from '../model/test-set.ts';
import { modelProblems, modelSelectors, testSetProblems } from './contract.ts';
import { route } from './route.ts';

export const indexedAnswerSchema = z.extend(indexedPredictionSchema, { model: servedModelSchema });

export const predictIndex = route(
  {
    id: 'predictIndex',
    tag: 'Predictions',
    summary: 'Predict a test image',
    description:
      'Returns the predicted and the actual label as JSON. If `Accept` prefers an image, returns the test image under the title "Predicted: X, Actual: Y". Answers with an `index` have an ETag. With `version` and `dataset`, the answer never changes and can be cached forever.',
    parameters: {
      query: {
        index: {
          schema: z.optional(indexSchema),
          description: 'The index of the test image. Default: a random one.',
          example: 0,
        },
        dataset: datasetParameter,
        ...modelSelectors.query,
      },
      header: modelSelectors.header,
    },
    answers: {
      200: {
        description:
          'The predicted and the actual label, a probability per label, and the model version.',
        content: {
          'application/json': { schema: indexedAnswerSchema },
          'image/svg+xml': {},
          'image/png': {},
        },
      },
      304: { description: 'The client already has this answer: `If-None-Match` has its ETag.' },
    },
    problems: ['bad_index', 'not_found', 'not_acceptable', ...testSetProblems, ...modelProblems],
    schemas: {
      IndexedPrediction: indexedAnswerSchema,
      Prediction: predictionSchema,
      ServedModel: servedModelSchema,
    },
    curl: '?index=0',
  },
  openPredictIndex,
);

/** Values of Accept that mean JSON, without a closer look. */
const anyType = [undefined, '', '*/*', 'application/json'];

function openPredictIndex({ models, testSets, logitsCache, predictionIds, ...app }: AppContext) {
  return async function predictTestImage(context: Context) {
    const background = context.executionCtx;
    const choice = modelChoice(context);
    // The image is read while the model is loading. A missing model is reported first.
    const asked = context.req.query('index');
    const readImage = (dataset: string | null) =>
      readTestImage({ testSets, dataset, text: asked, random: app.random }, background);
    const isOwn = choice.model === undefined || choice.model === app.source.name;
    const reading = isOwn ? readImage(null) : null;
    if (reading) background.waitUntil(reading.catch(() => {}));
    const reference = await models.resolve(choice, background);
    const { index, image, isSnapshot } = await (reading ??
      readImage(await models.withModel(reference, ({ model }) => model.manifest.dataset.name)));
    const pinned = isPinned(context, image);
    const accept = context.req.header('accept');
    const drawing = anyType.includes(accept) ? null : await import('./draw-answer.ts');
    const picture = drawing?.pictureType(accept ?? '') ?? null;
    const id =
      predictionIds && (await predictionIds(reference.name).idOf(reference.version, image.pixels));

    nameModel(context, reference);
    return models.withModel(reference, (served) => {
      const { manifest } = served.model;
      checkTestSet(image, served);
      const model = describeServed(served);
      context.header('vary', 'Accept');
      if (asked !== undefined) {
        const expiry = predictionIds?.(reference.name).expiry() ?? '';
        const tag = `"${model.version}.${model.alias ?? ''}${model.source ? '.snapshot' : ''}.${image.tag}.${index}.${picture ?? ''}${expiry}"`;
        context.header('etag', tag);
        // A version always gives the same answer to an image. Alias and test set may change, and signed ids expire.
        const isFixed = model.alias === null && pinned && expiry === '';
        context.header('cache-control', isFixed ? immutable : 'no-cache');
        if (isKnown(context, tag)) return context.body(null, 304);
      }
      const logits = logitsCache.getOrCompute(manifest, image.info, index, () =>
        predictLogits(served, [image.pixels]),
      );
      const { predicted, probabilities } = toPrediction(logits, manifest.model.labels);
      app.telemetry.predicted(manifest, 'indexed', predicted);
      if (drawing && picture) {
        const drawn = drawing.drawAnswer(picture, image, predicted.label, image.label.label);
        return context.body(drawn, 200, { 'content-type': picture });
      }
      return context.json({
        index,
        predicted,
        actual: image.label,
        correct: predicted.id === image.label.id,
        probabilities,
        ...(id && { id }),
        ...(isSnapshot && { testSet: { source: 'snapshot' as const, images: image.info.images } }),
        model,
      } satisfies IndexedPrediction & { model: ServedModel });
    });
  };
}

/**
 * Checks that the test set is one that the model can be compared with.
 *
 * @throws {Problem} `bad_dataset` if size or labels differ
 */
function checkTestSet({ info }: TestImage, { model }: Served): void {
  const { inputShape, labels } = model.manifest.model;
  const { height, width, channels = 1 } = info;
  if (height !== inputShape[0] || width !== inputShape[1] || channels !== inputShape[2]) {
    throw new Problem(
      'bad_dataset',
      `The test images are ${height}x${width}x${channels}, but the model takes ${inputShape.join('x')}.`,
    );
  }
  // Loops because this runs for each request.
  let id = 0;
  while (id < labels.length && labels[id] === info.labels[id]) id++;
  if (id === labels.length && id === info.labels.length) return;
  throw new Problem(
    'bad_dataset',
    `Label ${id} is ${nameOf(labels[id])} in the model, but ${nameOf(info.labels[id])} in the test set ${info.name}. Upload the data set that the model was trained on: catwalk data upload.`,
  );
}

const nameOf = (label: string | undefined) =>
  label === undefined ? 'missing' : JSON.stringify(label.slice(0, 80));
