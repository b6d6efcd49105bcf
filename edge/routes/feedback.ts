import type { Context } from 'hono';
import { encodeBase64 } from 'hono/utils/encode';
import type * as z from 'zod/mini';
import { inputOptionsFor, type ModelSpec } from '../../shared/model/model-spec.ts';
import {
  type FeedbackRecord,
  feedbackAnswerSchema,
  feedbackRequestSchema,
} from '../../shared/registry/feedback.ts';
import type { Manifest } from '../../shared/registry/manifest.ts';
import type { AppContext } from '../app-context.ts';
import { ModelError, Problem } from '../errors.ts';
import { readBody } from '../input/body.ts';
import { imagePixels } from '../input/image-pixels.ts';
import { parseJsonBody } from '../input/json.ts';
import { invertSchema, modelName, readInvert, readTestImage } from '../input/parameters.ts';
import type { Background } from '../model/alias-follower.ts';
import { fromEither } from '../model/fallback.ts';
import { type FeedbackStore, openFeedbackStore } from '../model/feedback-store.ts';
import { pixelBytes, pixelsHash } from '../model/predict.ts';
import type { PredictionIds } from '../model/prediction-ids.ts';
import { readManifest, type VersionSource } from '../model/read-manifest.ts';
import { imageProblems, modelParameter, testSetProblems, tokenProblems } from './contract.ts';
import { route } from './route.ts';

type FeedbackRequest = z.output<typeof feedbackRequestSchema>;

const answer = { content: { 'application/json': { schema: feedbackAnswerSchema } } };

export const giveFeedback = route(
  {
    id: 'giveFeedback',
    tag: 'Feedback',
    summary: 'Report the true label of a prediction',
    description:
      'Stores the label with the image, for the next training. The body has the `id` of the prediction, its true label, and the image that was predicted, as `index`, `image` or `pixels`. The route exists only if the variable FEEDBACK is "on" or "open".',
    parameters: {
      query: {
        model: modelParameter,
        invert: {
          schema: invertSchema,
          description: 'The same value as when the image was predicted.',
        },
      },
    },
    body: {
      'application/json': {
        schema: feedbackRequestSchema,
        example: { id: `20261124T101500Z-3fa9c1d2.${'0'.repeat(64)}`, label: 'Sneaker', index: 0 },
      },
    },
    answers: {
      200: { description: 'The same label was already stored today.', ...answer },
      201: { description: 'The label is stored.', ...answer },
    },
    problems: [
      'model_not_found',
      ...imageProblems,
      'bad_label',
      'unknown_prediction',
      ...testSetProblems,
      'store_failed',
      ...tokenProblems,
    ],
    takesToken: true,
    schemas: { Feedback: feedbackRequestSchema, FeedbackAnswer: feedbackAnswerSchema },
    curl: ` --json '{"id": "…", "label": "Sneaker", "index": 0}'`,
  },
  openFeedback,
);

function openFeedback(app: AppContext) {
  const { configuration, testSets, source, snapshot, models, now, random } = app;
  // The route exists only if predictions have ids.
  const idsOf = app.predictionIds as (model: string) => PredictionIds;
  const stores = new Map<string, FeedbackStore>();

  function storeOf(name: string): FeedbackStore {
    const maxPerDay = configuration.maxFeedbackPerDay;
    const opened = stores.get(name) ?? openFeedbackStore({ ...source, name, maxPerDay, now });
    stores.set(name, opened);
    return opened;
  }

  return async function storeFeedback(context: Context) {
    if (configuration.apiTokens.length === 0 && !configuration.feedbackIsOpen) throw closed();
    const invert = readInvert(context);
    const name = modelName(context) ?? source.name;
    models.checkServed(name);
    const body = await readBody(context);
    const request = parseJsonBody(body, feedbackRequestSchema, 'The feedback');
    const { id, index = null } = request;
    const { version, hash, unsigned } = await idsOf(name).read(id);
    const { model: spec, dataset } = await fromEither({ ...source, name }, snapshot, (from) =>
      manifestOf(from, version),
    );
    const label = labelOf(request.label, spec.labels);
    let pixels =
      index === null
        ? await pixelsOf(request, spec, invert)
        : await pixelsOfIndex(index, name, dataset.name, context.executionCtx);
    if (index === null && (await pixelsHash(pixels)) !== hash) {
      // The image that ?echo=true returns is the network's input already.
      pixels = await pixelsOf(request, spec, 'false');
    }
    if ((await pixelsHash(pixels)) !== hash) {
      throw new Problem(
        'unknown_prediction',
        'The id belongs to another image. Send the image that was predicted, with the same ?invert=, or the one that ?echo=true returned.',
      );
    }
    const at = new Date(now()).toISOString();
    const [height, width] = spec.inputShape;
    const record: FeedbackRecord = {
      schemaVersion: 1,
      id: unsigned,
      client: context.get('client'),
      model: { name, version },
      label,
      height,
      width,
      pixels: encodeBase64(pixelBytes(pixels).buffer),
      index,
      at,
    };
    const stored = await storeOf(name).save(record);
    return context.json({ id, label, stored }, stored ? 201 : 200);
  };

  async function pixelsOfIndex(
    index: number,
    model: string,
    dataset: string,
    background: Background,
  ) {
    const reading = {
      testSets,
      dataset: model === source.name ? null : dataset,
      text: String(index),
      random,
    };
    return (await readTestImage(reading, background)).image.pixels;
  }
}

const closed = () =>
  new Problem(
    'unauthorized',
    'Feedback needs a token, and this Worker has none: its operator can set API_TOKENS, or FEEDBACK to open.',
    { headers: { 'www-authenticate': 'Bearer realm="catwalk"' } },
  );

async function manifestOf(source: VersionSource, version: string): Promise<Manifest> {
  try {
    return await readManifest(source, version);
  } catch (cause) {
    if (!(cause instanceof ModelError)) throw cause;
    const detail = `The id names version ${version}, which does not exist.`;
    throw new Problem('unknown_prediction', detail, { cause });
  }
}

async function pixelsOf(
  { image, pixels }: FeedbackRequest,
  spec: ModelSpec,
  invert: 'auto' | 'true' | 'false',
): Promise<ArrayLike<number>> {
  const posted =
    typeof image === 'string'
      ? { kind: 'text' as const, text: image }
      : { kind: 'pixels' as const, value: pixels };
  const [only] = await imagePixels([posted], { ...inputOptionsFor(spec), invert });
  if (only === undefined || only instanceof Problem) throw only;
  return only.pixels;
}

function labelOf(given: number | string, labels: readonly string[]) {
  const id = typeof given === 'number' ? given : labels.indexOf(given);
  const label = labels[id];
  if (label !== undefined) return { id, label };
  throw new Problem(
    'bad_label',
    `The label is ${JSON.stringify(given).slice(0, 80)}; it may be a number from 0 to ${labels.length - 1} or one of ${labels.join(', ')}.`,
  );
}
