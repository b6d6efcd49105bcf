import type { IndexedPrediction, ServedModel } from '../../shared/prediction.ts';
import { describeServed, predictImages } from '../answer/predict-images.ts';
import type { AppContext, Collaborators } from '../collaborators.ts';
import { Problem } from '../problem.ts';
import { readTestImage } from './read-test-image.ts';

/** GET /predict?index=N: what the model says of a test image, and what it is. No index: a random one. */
export function getPredict({ follower, testSet, random }: Collaborators) {
  return async function predictIndex(context: AppContext) {
    const background = context.executionCtx;
    await follower.ready(background);
    const { images } = await testSet.info(background);
    const text = context.req.query('index') ?? String(Math.floor(random() * images));
    const { index, image } = await readTestImage(testSet, text, background);

    const answer = await follower.withModel(background, (served) => {
      const [height, width] = served.model.manifest.model.inputShape;
      if (image.height !== height || image.width !== width) {
        throw new Problem(
          'bad_dataset',
          `The test images are ${image.height}x${image.width}, the model takes ${height}x${width}.`,
        );
      }
      const [prediction] = predictImages(served, [image.pixels]);
      if (!prediction) throw new Error(`The model gave no prediction of test image ${index}.`);
      return {
        index,
        predicted: prediction.predicted,
        actual: image.label,
        correct: prediction.predicted.id === image.label.id,
        probabilities: prediction.probabilities,
        model: describeServed(served),
      } satisfies IndexedPrediction & { model: ServedModel };
    });
    return context.json(answer);
  };
}
