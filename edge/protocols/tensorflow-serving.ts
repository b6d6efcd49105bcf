import type { Handler } from 'hono';
import { aliasNameSchema } from '../../shared/registry/bucket-layout.ts';
import type { AppContext, Collaborators } from '../app-context.ts';
import { ModelError, Problem } from '../errors.ts';
import { nameModel } from '../http/model-headers.ts';
import { readBody } from '../input/body.ts';
import { imagePixels } from '../input/image-pixels.ts';
import { modelChoice } from '../input/model-choice.ts';
import { predictImages } from '../model/predict.ts';
import type { ModelChoice, ModelReference } from '../model/served-models.ts';
import { versionNumber, versionOfNumber } from './protocol.ts';
import {
  available,
  describeModels,
  describeSignatures,
  parsePredictRequest,
} from './tensorflow-serving-messages.ts';

/** What a path names: a model, perhaps one version of it, and what is asked of it. */
interface Target {
  name: string;
  version: string | undefined;
  label: string | undefined;
  subject: string | undefined;
}

/**
 * TensorFlow Serving's REST API, which is all that is under /v1 (https://www.tensorflow.org/tfx/serving/api_rest; paths and errors as
 * http_rest_api_util.cc and json_tensor.cc have them). A version's number is the digits of its time; the aliases are its labels.
 */
export function tensorFlowServing(collaborators: Collaborators): Handler {
  const { models, catalog, modelName, alias, telemetry } = collaborators;
  return async function answerTensorFlowServing(context: AppContext) {
    const target = parsePath(context.req.method, context.req.path);
    switch (target.subject) {
      case 'predict':
        return predict(context, target);
      case undefined:
        return status(context, target);
      case 'metadata':
        return metadata(context, target);
    }
    const kind = target.subject === 'regress' ? 'regression' : 'classification';
    throw new Problem(
      'bad_request',
      `Expected ${kind} signature method_name to be tensorflow/serving/${target.subject}. Was: tensorflow/serving/predict`,
    );
  };

  async function predict(context: AppContext, target: Target) {
    if (target.name !== modelName) throw servableNotFound(target);
    const { images, key } = parsePredictRequest(await readBody(context.req.raw));
    const reference = await resolve(context, target, servableNotFound);
    const [height, width] = await models.withModel(
      reference,
      ({ model }) => model.manifest.model.inputShape,
    );
    const readings = await imagePixels(images, { height, width, invert: 'auto' });
    const pixels = readings.map((reading, i) => {
      if (!(reading instanceof Problem)) return reading;
      const detail = `Failed to process element: ${i} of '${key}' list. Error: ${reading.message}`;
      throw new Problem('bad_request', detail);
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

  async function status(context: AppContext, target: Target) {
    const noVersions = `Could not find any versions of model ${target.name}`;
    if (target.name !== modelName) throw new Problem('not_found', noVersions);
    if (target.version === undefined && target.label === undefined) {
      // Has what is served loaded, where nobody has asked for it yet; what stands in the way is said below.
      await models.resolve({ alias }, context.executionCtx).catch(() => null);
      const statuses = describeModels(models.versions(), models.failures());
      if (statuses.length === 0) throw new Problem('not_found', noVersions);
      return context.json({ model_version_status: statuses });
    }
    const { version } = await resolve(context, target, ({ name, version }) => {
      return new Problem('not_found', `Could not find version ${version} of model ${name}`);
    });
    return context.json({ model_version_status: [available(version)] });
  }

  async function metadata(context: AppContext, target: Target) {
    if (target.name !== modelName) throw servableNotFound(target);
    const reference = await resolve(context, target, servableNotFound);
    const spec = await models.withModel(reference, ({ model }) => model.manifest.model);
    nameModel(context, reference);
    return context.json({
      model_spec: {
        name: modelName,
        signature_name: '',
        version: versionNumber(reference.version),
      },
      metadata: { signature_def: { signature_def: describeSignatures(spec) } },
    });
  }

  /** @param missing what it throws where there is no such version */
  async function resolve(
    context: AppContext,
    target: Target,
    missing: (target: Target) => Problem,
  ): Promise<ModelReference> {
    try {
      return await models.resolve(await choose(context, target, missing), context.executionCtx);
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      if (error.code === 'version_not_found') throw missing(target);
      if (error.code === 'alias_not_found' && target.label !== undefined) {
        throw unrecognized(target.label);
      }
      throw error;
    }
  }

  async function choose(
    context: AppContext,
    target: Target,
    missing: (target: Target) => Problem,
  ): Promise<ModelChoice> {
    const { version, label } = target;
    if (version !== undefined) {
      const named = await versionOfNumber(version, catalog);
      if (named === null) throw missing(target);
      return { version: named };
    }
    if (label === undefined) return modelChoice(context);
    if (!aliasNameSchema.safeParse(label).success) throw unrecognized(label);
    return { alias: label };
  }
}

// A version may also be one of Catwalk's own names.
const version = '(?:/versions/(\\d+|\\d{8}T\\d{6}Z-[0-9a-f]{8})|/labels/([^/:]+))?';
const predictionPath = new RegExp(`^/v1/models/([^/:]+)${version}:(classify|regress|predict)$`);
const statusPath = new RegExp(`^/v1/models(?:/([^/:]+)${version}(?:/(metadata))?)?$`);

function parsePath(method: string, path: string): Target {
  const pattern = { POST: predictionPath, GET: statusPath, HEAD: statusPath }[method];
  const match = pattern?.exec(path);
  if (!match) throw new Problem('bad_request', `Malformed request: ${method} ${path}`);
  const [, name, version, label, subject] = match;
  if (name === undefined) throw new Problem('bad_request', 'Missing model name in request.');
  return { name, version, label, subject };
}

const servableNotFound = ({ name, version }: Target) =>
  new Problem(
    'not_found',
    `Servable not found for request: ${version ? `Specific(${name}, ${version})` : `Latest(${name})`}`,
  );

const unrecognized = (label: string) =>
  new Problem('bad_request', `Unrecognized servable version label: ${label}`);
