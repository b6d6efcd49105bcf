import type { Context } from 'hono';
import * as z from 'zod/mini';
import { formatNames, imageFormats } from '../../shared/image/decode-image.ts';
import { inputOptionsFor } from '../../shared/model/model-spec.ts';
import { predictionSchema, servedModelSchema } from '../../shared/model/prediction.ts';
import { pngUrl } from '../../shared/picture/png.ts';
import type { AppContext } from '../app-context.ts';
import { Problem } from '../errors.ts';
import { nameModel } from '../http/headers.ts';
import { readBody } from '../input/body.ts';
import { imagePixels, type PostedInput } from '../input/image-pixels.ts';
import {
  echoSchema,
  invertSchema,
  modelChoice,
  readInvert,
  readParameter,
} from '../input/parameters.ts';
import { maxImages, withoutRows } from '../input/posted-images.ts';
import { requestImages } from '../input/request-images.ts';
import { describeServed, pixelBytes, predictImages } from '../model/predict.ts';
import type { Served } from '../model/served-models.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import {
  imageProblems,
  modelProblems,
  modelSelectors,
  problemSchema,
  tokenProblems,
} from './contract.ts';
import { route } from './route.ts';

/** The answer to one image. */
export const predictedAnswerSchema = z.extend(predictionSchema, { model: servedModelSchema });

/** The answer to several images. An image that can't be read has its problem in its place. */
export const predictionsSchema = z.object({
  predictions: z.array(z.union([predictionSchema, z.object({ error: problemSchema })])),
  model: servedModelSchema,
});

const level = z.number().check(z.minimum(0), z.maximum(255));

/** An image as numbers, flat or in rows of pixels, all of them within 0..1 or within 0..255. In colour, a pixel in a row is [red, green, blue]. */
const pixelsSchema = z.union([z.array(level), z.array(z.array(z.union([level, z.array(level)])))]);

/** An image in JSON: its pixels, or a file as base64 or data URL. */
const jsonImageSchema = z.union([
  z.string(),
  pixelsSchema,
  z.object({ pixels: pixelsSchema }),
  z.object({ image: z.string() }),
]);

const postedJsonSchema = z.union([
  jsonImageSchema,
  z.object({ images: z.array(jsonImageSchema).check(z.minLength(1), z.maxLength(maxImages)) }),
]);

const file = { description: `A ${formatNames('or')} file, recognized by its content.` };

const queryParameters = {
  invert: {
    schema: invertSchema,
    description:
      'Whether to swap light and dark. `auto` treats the background as it was decided when the model was trained (`preprocessing.background` in its manifest): it isolates the object of a photo, swaps if the background is light, or keeps the picture. `true` and `false` replace that decision.',
  },
  echo: {
    schema: echoSchema,
    description:
      'Adds `input` to each prediction: the image that the network saw, as a data URL of a PNG. For a picture, adds `crop`: the part of it that the network saw, in pixels of the upright picture.',
  },
  ...modelSelectors.query,
} as const;
const queryNames = Object.keys(queryParameters);

export const predictImage = route(
  {
    id: 'predictImage',
    tag: 'Predictions',
    summary: 'Predict one or more images',
    description:
      'The body may be compressed with gzip or deflate (`Content-Encoding`). Limits, checked before decoding: 20 MiB per body, 10 MiB if it is text or JSON, and per image 50 megapixels as JPEG, or 16 in other formats. A request may have 64 images, which share a limit on the time to decode them.',
    parameters: {
      query: queryParameters,
      header: modelSelectors.header,
    },
    body: {
      'application/json': {
        description: 'Pixels, flat or in rows, or files as base64 or data URL.',
        schema: postedJsonSchema,
        example: { image: 'data:image/png;base64,…' },
      },
      ...Object.fromEntries(imageFormats.map(({ mediaType }) => [mediaType, file])),
      'application/octet-stream': {
        description: 'The bytes of the input, 784 for 28x28 grey pixels, or an image file.',
      },
      'multipart/form-data': {
        description:
          'Up to 64 files, in fields of any name. Fields of text may hold base64, a data URL or JSON.',
        schema: z.record(z.string(), z.union([z.file(), z.string()])),
      },
      'application/x-www-form-urlencoded': {
        description: 'Base64, data URLs or JSON, in fields called image or pixels.',
        schema: z.record(z.string(), z.string()),
      },
      'text/plain': { description: 'A file as base64 or data URL.', schema: z.string() },
    },
    answers: {
      200: {
        description: 'One prediction, or a list of them if the request had several images.',
        content: {
          'application/json': { schema: z.union([predictedAnswerSchema, predictionsSchema]) },
        },
      },
    },
    problems: [
      'bad_multipart',
      'too_many_images',
      ...imageProblems,
      ...modelProblems,
      ...tokenProblems,
    ],
    takesToken: true,
    schemas: {
      PredictionOfImage: predictedAnswerSchema,
      PredictionsOfImages: predictionsSchema,
      Pixels: pixelsSchema,
      JsonImage: jsonImageSchema,
      PostedImages: postedJsonSchema,
    },
    curl: ' --data-binary @boot.jpg',
  },
  openPredictImage,
);

type Reading = PostedInput | Problem;

interface AnswerOptions {
  echo: boolean;
  /** Per image. `null` if predictions have no ids. */
  ids: (string | null | undefined)[] | null;
}

function openPredictImage({ models, predictionIds, telemetry }: AppContext) {
  return async function predictPostedImages(context: Context) {
    const choice = modelChoice(context);
    const invert = readInvert(context);
    const echo = readParameter(context, 'echo', echoSchema, 'false, true') === 'true';
    const body = await readBody(context);
    const contentType = context.req.header('content-type') ?? '';
    const { images, many } = await requestImages(body, contentType, queryNames);
    const reference = await models.resolve(choice, context.executionCtx);
    const input = await models.withModel(reference, ({ model }) =>
      inputOptionsFor(model.manifest.model),
    );
    const readings = await imagePixels(withoutRows(images, input), { ...input, invert });
    const [only] = readings;
    if (!many && only instanceof Problem) throw only;
    const idOf = (reading: Reading) =>
      reading instanceof Problem
        ? null
        : predictionIds?.(reference.name).idOf(reference.version, reading.pixels);
    const ids = predictionIds && (await Promise.all(readings.map(idOf)));
    const answer = await models.withModel(reference, (served) =>
      answerAll(served, readings, { echo, ids }, telemetry),
    );
    nameModel(context, reference);
    const { predictions, model } = answer;
    return context.json(many ? answer : { ...predictions[0], model });
  };
}

const inputShapeOf = ({ model }: Served) => model.manifest.model.inputShape;

function answerAll(
  served: Served,
  readings: Reading[],
  { echo, ids }: AnswerOptions,
  telemetry: Telemetry,
) {
  const [height, width] = inputShapeOf(served);
  const readable = readings.flatMap((reading) =>
    reading instanceof Problem ? [] : [reading.pixels],
  );
  const predictions = predictImages(served, readable);
  for (const { predicted } of predictions) {
    telemetry.predicted(served.model.manifest, 'posted', predicted);
  }
  const next = predictions.values();
  const model = describeServed(served);
  return {
    predictions: readings.map((reading, i) => {
      if (reading instanceof Problem) return { error: reading.body };
      return {
        ...next.next().value,
        ...(ids?.[i] && { id: ids[i] }),
        ...(echo && {
          input: pngUrl({ pixels: pixelBytes(reading.pixels), height, width }),
          ...(reading.crop && { crop: reading.crop }),
        }),
      };
    }),
    model,
  };
}
