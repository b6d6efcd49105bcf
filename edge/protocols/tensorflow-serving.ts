import type { Context, Handler } from 'hono';
import { inputOptionsFor } from '../../shared/model/model-spec.ts';
import { aliasNameSchema } from '../../shared/model/names.ts';
import type { AppContext } from '../app-context.ts';
import { ModelError, Problem } from '../errors.ts';
import { nameModel } from '../http/headers.ts';
import { readBody } from '../input/body.ts';
import { imagePixels } from '../input/image-pixels.ts';
import { checkQuery } from '../input/parameters.ts';
import { areRows } from '../input/posted-images.ts';
import { predictImages } from '../model/predict.ts';
import {
  badRequest,
  checkName,
  isModelMissing,
  queryNames,
  resolveVersion,
  versionNumber,
} from './protocol.ts';
import {
  available,
  describeModels,
  describeSignatures,
  parsePredictRequest,
  withoutBatch,
} from './tensorflow-serving-messages.ts';

/** The target of a path: a model, perhaps one of its versions, and the operation. */
interface Target {
  name: string;
  version: string | undefined;
  label: string | undefined;
  subject: string | undefined;
}

/**
 * TensorFlow Serving's REST API: everything under /v1 (https://www.tensorflow.org/tfx/serving/api_rest). Paths and errors follow
 * http_rest_api_util.cc and json_tensor.cc. A version's number is the digits of its time. Its labels are the aliases.
 */
export function tensorFlowServing(app: AppContext): Handler {
  return async function answerTensorFlowServing(context: Context) {
    checkQuery(context, queryNames);
    const target = parsePath(context.req.method, context.req.path);
    switch (target.subject) {
      case 'predict':
        return predict(app, context, target);
      case undefined:
        return status(app, context, target);
      case 'metadata':
        return metadata(app, context, target);
    }
    const kind = target.subject === 'regress' ? 'regression' : 'classification';
    throw badRequest(
      `Expected ${kind} signature method_name to be tensorflow/serving/${target.subject}. Was: tensorflow/serving/predict`,
    );
  };
}

async function predict(app: AppContext, context: Context, target: Target) {
  const { models, telemetry } = app;
  checkName(app, target, servableNotFound);
  const { images, key } = parsePredictRequest(await readBody(context));
  const reference = await resolve(app, context, target, servableNotFound);
  const input = await models.withModel(reference, ({ model }) =>
    inputOptionsFor(model.manifest.model),
  );
  if (areRows(images, input)) throw withoutBatch(key);
  const readings = await imagePixels(images, input);
  const pixels = readings.map((reading, i) => {
    if (!(reading instanceof Problem)) return reading.pixels;
    const detail = `Failed to process element: ${i} of '${key}' list. Error: ${reading.message}`;
    throw badRequest(detail);
  });
  const rows = await models.withModel(reference, (served) =>
    predictImages(served, pixels).map(({ predicted, probabilities }) => {
      telemetry.predicted(served.model.manifest, 'posted', predicted);
      return probabilities.map(({ probability }) => probability);
    }),
  );
  nameModel(context, reference);
  return context.json({ [key === 'instances' ? 'predictions' : 'outputs']: rows });
}

async function status(app: AppContext, context: Context, target: Target) {
  const { models, configuration } = app;
  const { name } = target;
  const noVersions = `Could not find any versions of model ${target.name}`;
  checkName(app, target, () => new Problem('not_found', noVersions));
  if (target.version === undefined && target.label === undefined) {
    // Loads the default alias's version, if it is not in memory yet. A failure is part of the statuses.
    const choice = { alias: configuration.alias };
    await models.resolve({ model: name, choice }, context.executionCtx).catch(() => null);
    const statuses = describeModels(models.versions(name), models.failures(name));
    if (statuses.length === 0) throw new Problem('not_found', noVersions);
    return context.json({ model_version_status: statuses });
  }
  const { version } = await resolve(app, context, target, ({ name, version }) => {
    return new Problem('not_found', `Could not find version ${version} of model ${name}`);
  });
  return context.json({ model_version_status: [available(version)] });
}

async function metadata(app: AppContext, context: Context, target: Target) {
  const { models } = app;
  checkName(app, target, servableNotFound);
  const reference = await resolve(app, context, target, servableNotFound);
  const spec = await models.withModel(reference, ({ model }) => model.manifest.model);
  nameModel(context, reference);
  return context.json({
    model_spec: {
      name: target.name,
      signature_name: '',
      version: versionNumber(reference.version),
    },
    metadata: { signature_def: { signature_def: describeSignatures(spec) } },
  });
}

/** @param missing makes the error to throw if the version does not exist */
async function resolve(
  app: AppContext,
  context: Context,
  target: Target,
  missing: (target: Target) => Problem,
) {
  const { name, label } = target;
  if (label === undefined) return resolveVersion(app, context, target, () => missing(target));
  if (!aliasNameSchema.safeParse(label).success) throw unrecognized(label);
  try {
    const choice = { alias: label };
    return await app.models.resolve({ model: name, choice }, context.executionCtx);
  } catch (error) {
    const isAliasMissing = error instanceof ModelError && error.code === 'alias_not_found';
    if (isAliasMissing) throw unrecognized(label);
    throw isModelMissing(error) ? missing(target) : error;
  }
}

// A version is a number, or one of Catwalk's own names.
const version = '(?:/versions/(\\d+|\\d{8}T\\d{6}Z-[0-9a-f]{8})|/labels/([^/:]+))?';
const predictionPath = new RegExp(`^/v1/models/([^/:]+)${version}:(classify|regress|predict)$`);
const statusPath = new RegExp(`^/v1/models(?:/([^/:]+)${version}(?:/(metadata))?)?$`);

function parsePath(method: string, path: string): Target {
  const pattern = { POST: predictionPath, GET: statusPath, HEAD: statusPath }[method];
  const match = pattern?.exec(path);
  if (!match) throw badRequest(`Malformed request: ${method} ${path}`);
  const [, name, version, label, subject] = match;
  if (name === undefined) throw badRequest('Missing model name in request.');
  return { name, version, label, subject };
}

const servableNotFound = ({ name, version }: Target) =>
  new Problem(
    'not_found',
    `Servable not found for request: ${version ? `Specific(${name}, ${version})` : `Latest(${name})`}`,
  );

const unrecognized = (label: string) => badRequest(`Unrecognized servable version label: ${label}`);
