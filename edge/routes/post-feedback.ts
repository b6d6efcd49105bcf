import type { ModelSpec } from '../../shared/model/model-spec.ts';
import type { BucketLayout } from '../../shared/registry/bucket-layout.ts';
import { type FeedbackRecord, feedbackRequestSchema } from '../../shared/registry/feedback.ts';
import type { AppContext, Collaborators } from '../app-context.ts';
import { ModelError, Problem } from '../errors.ts';
import { readBody } from '../input/body.ts';
import { imagePixels } from '../input/image-pixels.ts';
import { checkJsonBounds } from '../input/json.ts';
import { invertSchema, readParameter } from '../input/parameters.ts';
import type { PostedImage } from '../input/posted-images.ts';
import { JsonError, parseJson } from '../json.ts';
import type { Background } from '../model/background.ts';
import { readManifest, type VersionSource } from '../model/read-manifest.ts';
import { sha256 } from '../store/published.ts';
import { pixelBytes, readTestImage } from './read-test-image.ts';

export interface FeedbackOptions extends Pick<Collaborators, 'testSet'> {
  source: VersionSource;
  layout: BucketLayout;
  /** Milliseconds since 1970. */
  now: () => number;
}

/** POST /feedback: keeps the true label of a prediction with its image in the bucket, for the next training. */
export function postFeedback({ testSet, source, layout, now }: FeedbackOptions) {
  return async function feedback(context: AppContext) {
    const invert = readParameter(
      'invert',
      context.req.query('invert'),
      invertSchema,
      'auto, true, false',
    );
    const told = parseRequest(await readBody(context.req.raw));
    const [version = '', hash] = told.id.split('.');
    const spec = await specOf(version);
    const label = labelOf(told.label, spec.labels);
    const pixels = await pixelsOf(told, spec, invert, context.executionCtx);
    if ((await sha256(pixels)) !== hash) {
      throw new Problem(
        'unknown_prediction',
        'The image is not the one that the id is of. Send the same as was predicted, with the same ?invert=.',
      );
    }
    const at = new Date(now()).toISOString();
    const [height, width] = spec.inputShape;
    const record: FeedbackRecord = {
      schemaVersion: 1,
      id: told.id,
      model: { name: source.name, version },
      label,
      ...{ height, width },
      pixels: btoa(String.fromCharCode(...pixels)),
      index: told.index ?? null,
      at,
    };
    const key = layout.feedback(source.name, at.slice(0, 10), told.id, label.id);
    const bytes = new Uint8Array(new TextEncoder().encode(JSON.stringify(record)));
    const stored = await source.store.putIfAbsent(key, bytes, {
      contentType: 'application/json',
    });
    return context.json({ id: told.id, label, stored }, stored ? 201 : 200);
  };

  async function specOf(version: string): Promise<ModelSpec> {
    try {
      return (await readManifest(source, version)).model;
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      throw new Problem('unknown_prediction', `There is no version ${version} to predict by.`, {
        cause: error,
      });
    }
  }

  async function pixelsOf(
    { index, image, pixels }: ReturnType<typeof parseRequest>,
    { inputShape: [height, width] }: ModelSpec,
    invert: 'auto' | 'true' | 'false',
    background: Background,
  ): Promise<Uint8Array<ArrayBuffer>> {
    if (index !== undefined) {
      const read = await readTestImage(testSet, String(index), background);
      return Uint8Array.from(read.image.pixels);
    }
    const posted: PostedImage =
      image === undefined ? { kind: 'pixels', value: pixels } : { kind: 'text', text: image };
    const [only] = await imagePixels([posted], { height, width, invert });
    if (only === undefined || only instanceof Problem) throw only;
    return new Uint8Array(pixelBytes(only));
  }
}

function parseRequest(body: Uint8Array) {
  checkJsonBounds(body);
  try {
    return parseJson(body, feedbackRequestSchema, 'The feedback');
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new Problem('bad_json', error.message, { cause: error });
  }
}

function labelOf(told: number | string, labels: readonly string[]) {
  const id = typeof told === 'number' ? told : labels.indexOf(told);
  const label = labels[id];
  if (label !== undefined) return { id, label };
  throw new Problem(
    'bad_label',
    `The label is ${JSON.stringify(told).slice(0, 80)}; it may be a number from 0 to ${labels.length - 1} or one of ${labels.join(', ')}.`,
  );
}
