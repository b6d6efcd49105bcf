import { ImageError } from '../../shared/image/image-error.ts';
import type { Inversion } from '../../shared/image/to-model-input.ts';
import { describeServed, predictImages } from '../answer/predict-images.ts';
import type { AppContext, Collaborators } from '../collaborators.ts';
import type { Served } from '../model/alias-follower.ts';
import { Problem } from '../problem.ts';
import { imagePixels } from '../request/image-pixels.ts';
import { type PostedImages, postedImages } from '../request/posted-images.ts';
import { readBody } from '../request/read-body.ts';
import { toProblem } from '../to-problem.ts';

/** POST /predict: what the model says of the image, or images, in the body. */
export function postPredict({ follower }: Collaborators) {
  return async function predictPosted(context: AppContext) {
    const invert = parseInversion(context.req.query('invert'));
    const body = await readBody(context.req.raw);
    const posted = await postedImages(body, context.req.header('content-type') ?? '');
    const answer = await follower.withModel(context.executionCtx, (served) =>
      posted.many ? answerMany(served, posted, invert) : answerOne(served, posted, invert),
    );
    return context.json(answer);
  };
}

function answerOne(served: Served, { images }: PostedImages, invert: Inversion) {
  const { model } = served.model.manifest;
  const pixels = images.map((image) => imagePixels(image, model, invert));
  return { ...predictImages(served, pixels)[0], model: describeServed(served) };
}

/** An image that can't be read has its problem in its place; the others are answered all the same. */
function answerMany(served: Served, { images }: PostedImages, invert: Inversion) {
  const { model } = served.model.manifest;
  const readings = images.map((image) => {
    try {
      return imagePixels(image, model, invert);
    } catch (error) {
      if (error instanceof Problem || error instanceof ImageError) return toProblem(error);
      throw error;
    }
  });
  const readable = readings.filter(
    (reading): reading is ArrayLike<number> => !(reading instanceof Problem),
  );
  const predictions = predictImages(served, readable).values();
  return {
    predictions: readings.map((reading) =>
      reading instanceof Problem ? { error: reading.body } : predictions.next().value,
    ),
    model: describeServed(served),
  };
}

function parseInversion(text = 'auto'): Inversion {
  if (text === 'auto' || text === 'true' || text === 'false') return text;
  throw new Problem('bad_parameter', `invert is "${text}"; it may be auto, true or false.`);
}
