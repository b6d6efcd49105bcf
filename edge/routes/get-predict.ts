import { type IndexedPrediction, type ServedModel, toPrediction } from '../../shared/prediction.ts';
import { describeServed, predictLogits } from '../answer/predict-images.ts';
import type { Background } from '../background.ts';
import type { AppContext, Collaborators } from '../collaborators.ts';
import { Problem } from '../problem.ts';
import { readTestImage } from './read-test-image.ts';

/** GET /predict?index=N: what the model says of a test image, and what it is. No index: a random one. */
export function getPredict({ follower, testSet, keptLogits, random }: Collaborators) {
  return async function predictIndex(context: AppContext) {
    const background = context.executionCtx;
    // Read while the model is loading. That there is no model matters more than what is wrong with the image.
    const reading = readAskedFor(context.req.query('index'), background);
    reading.catch(() => {});
    await follower.ready(background);
    const { index, image } = await reading;

    const answer = await follower.withModel(background, (served) => {
      const { inputShape, labels } = served.model.manifest.model;
      const [height, width] = inputShape;
      if (image.height !== height || image.width !== width) {
        throw new Problem(
          'bad_dataset',
          `The test images are ${image.height}x${image.width}, the model takes ${height}x${width}.`,
        );
      }
      const logits = keptLogits.of(served.model.manifest, image.info, index, () =>
        predictLogits(served, [image.pixels]),
      );
      const { predicted, probabilities } = toPrediction(logits, labels);
      return {
        index,
        predicted,
        actual: image.label,
        correct: predicted.id === image.label.id,
        probabilities,
        model: describeServed(served),
      } satisfies IndexedPrediction & { model: ServedModel };
    });
    return context.json(answer);
  };

  async function readAskedFor(text: string | undefined, background: Background) {
    if (text !== undefined) return readTestImage(testSet, text, background);
    const { images } = await testSet.info(background);
    return readTestImage(testSet, String(Math.floor(random() * images)), background);
  }
}
