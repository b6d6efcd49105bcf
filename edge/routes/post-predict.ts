import type { ModelSpec } from '../../shared/model/model-spec.ts';
import { greyPngUrl } from '../../shared/picture/png.ts';
import type { AppContext, Collaborators } from '../app-context.ts';
import { Problem } from '../errors.ts';
import { nameModel } from '../http/model-headers.ts';
import { readBody } from '../input/body.ts';
import { imagePixels } from '../input/image-pixels.ts';
import { modelChoice } from '../input/model-choice.ts';
import { echoSchema, invertSchema, readParameter } from '../input/parameters.ts';
import { postedImages } from '../input/posted-images.ts';
import { describeServed, predictImages } from '../model/predict.ts';
import type { Served } from '../model/served-models.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';

type InputShape = ModelSpec['inputShape'];
interface AnswerOptions {
  echo: boolean;
  /** Of each image, as prediction ids have it; `null` where there are none. */
  hashes: (string | null)[] | null;
}
type Readings = (ArrayLike<number> | Problem)[];

/** POST /predict: what the model says of the image, or images, in the body. */
export function postPredict({ models, telemetry, feedback }: Collaborators) {
  return async function predictPosted(context: AppContext) {
    const choice = modelChoice(context);
    const invert = readParameter(
      'invert',
      context.req.query('invert'),
      invertSchema,
      'auto, true, false',
    );
    const echo =
      readParameter('echo', context.req.query('echo'), echoSchema, 'false, true') === 'true';
    const body = await readBody(context.req.raw);
    const { images, many } = await postedImages(body, context.req.header('content-type') ?? '');
    const reference = await models.resolve(choice, context.executionCtx);
    const [height, width] = await models.withModel(reference, shapeOf);
    const readings = await imagePixels(images, { height, width, invert });
    const [only] = readings;
    if (!many && only instanceof Problem) throw only;
    const hashes = feedback ? await hashesOf(readings) : null;
    const answer = await models.withModel(reference, (served) =>
      answerAll(served, readings, { echo, hashes }, telemetry),
    );
    nameModel(context, reference);
    const { predictions, model } = answer;
    return context.json(many ? answer : { ...predictions[0], model });
  };
}

const shapeOf = ({ model }: Served): InputShape => model.manifest.model.inputShape;

/** @returns `null` in the place of an image that can't be read */
async function hashesOf(readings: Readings): Promise<(string | null)[]> {
  const { pixelsHash } = await import('./read-test-image.ts');
  return Promise.all(
    readings.map((reading) => (reading instanceof Problem ? null : pixelsHash(reading))),
  );
}

/** An image that can't be read has its problem in its place; the others are answered all the same. */
function answerAll(
  served: Served,
  readings: Readings,
  { echo, hashes }: AnswerOptions,
  telemetry: Telemetry,
) {
  const [height, width] = shapeOf(served);
  const readable = readings.filter(
    (reading): reading is ArrayLike<number> => !(reading instanceof Problem),
  );
  const said = predictImages(served, readable);
  for (const { predicted } of said) {
    telemetry.predicted(served.model.manifest, 'posted', predicted);
  }
  const answers = said.values();
  const model = describeServed(served);
  return {
    predictions: readings.map((reading, i) => {
      if (reading instanceof Problem) return { error: reading.body };
      const prediction = answers.next().value;
      const id = hashes && { id: `${model.version}.${hashes[i]}` };
      if (!echo) return { ...prediction, ...id };
      const pixels = Uint8Array.from(reading, Math.round);
      return { ...prediction, ...id, input: greyPngUrl({ pixels, height, width }) };
    }),
    model,
  };
}
