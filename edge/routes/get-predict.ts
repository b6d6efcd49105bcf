import { toPrediction } from '../../shared/model/predict.ts';
import type { IndexedPrediction, ServedModel } from '../../shared/model/prediction.ts';
import type { AppContext, Collaborators } from '../app-context.ts';
import { Problem } from '../errors.ts';
import { nameModel } from '../http/model-headers.ts';
import { immutable, isKnown } from '../http/negotiate.ts';
import { modelChoice } from '../input/model-choice.ts';
import type { Background } from '../model/background.ts';
import { describeServed, predictLogits } from '../model/predict.ts';
import { readTestImage } from './read-test-image.ts';

/** What is sent by who asks for nothing in particular. */
const anyType = [undefined, '', '*/*', 'application/json'];

/**
 * GET /predict?index=N: what the model says of a test image, and what it is. No index: a random one. As JSON, or as a picture where
 * Accept prefers one.
 */
export function getPredict(collaborators: Collaborators) {
  const { models, testSet, logitsCache, telemetry, random, feedback } = collaborators;
  return async function predictIndex(context: AppContext) {
    const background = context.executionCtx;
    const choice = modelChoice(context);
    // Read while the model is loading. That there is no model matters more than what is wrong with the image.
    const asked = context.req.query('index');
    const reading = readAskedFor(asked, background);
    background.waitUntil(reading.catch(() => {}));
    const reference = await models.resolve(choice, background);
    const { index, image } = await reading;
    const accept = context.req.header('accept');
    const drawing = anyType.includes(accept) ? null : await import('./draw-answer.ts');
    const picture = drawing?.pictureType(accept ?? '') ?? null;

    const hash = feedback
      ? await (await import('./read-test-image.ts')).pixelsHash(image.pixels)
      : null;

    nameModel(context, reference);
    return models.withModel(reference, (served) => {
      const { inputShape, labels } = served.model.manifest.model;
      const [height, width] = inputShape;
      if (image.height !== height || image.width !== width) {
        throw new Problem(
          'bad_dataset',
          `The test images are ${image.height}x${image.width}, the model takes ${height}x${width}.`,
        );
      }
      const model = describeServed(served);
      context.header('vary', 'Accept');
      if (asked !== undefined) {
        const tag = `"${model.version}.${model.alias ?? ''}.${image.tag}.${index}.${picture ?? ''}"`;
        context.header('etag', tag);
        // A version gives the same answer for ever; which one an alias names has to be asked.
        context.header('cache-control', model.alias === null ? immutable : 'no-cache');
        if (isKnown(context.req.header('if-none-match'), tag)) return context.body(null, 304);
      }
      const logits = logitsCache.getOrCompute(served.model.manifest, image.info, index, () =>
        predictLogits(served, [image.pixels]),
      );
      const { predicted, probabilities } = toPrediction(logits, labels);
      telemetry.predicted(served.model.manifest, 'indexed', predicted);
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
        ...(hash && { id: `${model.version}.${hash}` }),
        model,
      } satisfies IndexedPrediction & { model: ServedModel });
    });
  };

  async function readAskedFor(text: string | undefined, background: Background) {
    if (text !== undefined) return readTestImage(testSet, text, background);
    const { images } = await testSet.info(background);
    return readTestImage(testSet, String(Math.floor(random() * images)), background);
  }
}
