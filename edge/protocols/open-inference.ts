import type { Context, Handler } from 'hono';
import { version as serverVersion } from '../../package.json';
import type { AppContext } from '../app-context.ts';
import { Problem } from '../errors.ts';
import { nameModel } from '../http/headers.ts';
import { readBody } from '../input/body.ts';
import { checkQuery } from '../input/parameters.ts';
import { predictImages } from '../model/predict.ts';
import { parseInferRequest } from './open-inference-request.ts';
import { answerInfer, answerOutput, tensorImages } from './open-inference-tensors.ts';
import { checkName, inputName, outputName, queryNames, resolveVersion } from './protocol.ts';

/** The model that a path under /v2/models names. */
interface Target {
  name: string;
  version: string | undefined;
}

const paths =
  /^\/v2(?:\/health\/(live|ready)|\/models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/(ready|infer))?)?\/?$/;

/**
 * The Open Inference Protocol, version 2: everything under /v2
 * (https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md). It includes Triton's extensions
 * for classification and binary tensors (https://github.com/triton-inference-server/server/tree/main/docs/protocol).
 */
export function openInference(app: AppContext): Handler {
  return async function answerOpenInference(context: Context) {
    const { method, path } = context.req;
    checkQuery(context, queryNames);
    const match = paths.exec(path);
    if (!match) throw new Problem('not_found', `There is no ${method} ${path}.`);
    const [, health, name, version, subject] = match;
    const expected = subject === 'infer' ? ['POST'] : ['GET', 'HEAD'];
    if (!expected.includes(method)) {
      throw new Problem('method_not_allowed', `${path} allows ${expected[0]}, not ${method}.`, {
        headers: { allow: expected.join(', ') },
      });
    }
    if (health === 'live') return context.json({ live: true });
    if (health === 'ready') return serverReady(app, context);
    if (name === undefined) {
      const extensions = ['classification', 'binary_tensor_data'];
      return context.json({ name: 'catwalk', version: serverVersion, extensions });
    }
    const target = { name, version };
    checkName(app, target, notFound);
    if (subject === 'infer') return infer(app, context, target);
    if (subject === 'ready') return modelReady(app, context, target);
    return metadata(app, context, target);
  };
}

const resolve = (app: AppContext, context: Context, target: Target) =>
  resolveVersion(app, context, target, () => notFound(target));

/** The specification names the member `live`. KServe's servers and clients name it `ready`. */
async function serverReady(app: AppContext, context: Context) {
  const choice = { alias: app.configuration.alias };
  await app.models.resolve({ choice }, context.executionCtx);
  return context.json({ live: true, ready: true });
}

async function modelReady(app: AppContext, context: Context, target: Target) {
  nameModel(context, await resolve(app, context, target));
  return context.json({ name: target.name, ready: true });
}

async function metadata(app: AppContext, context: Context, target: Target) {
  const { models, catalogs } = app;
  const reference = await resolve(app, context, target);
  const { inputShape, labels } = await models.withModel(
    reference,
    ({ model }) => model.manifest.model,
  );
  // If the snapshot answers, the bucket can't list its versions.
  const versions =
    target.version === undefined && !reference.isSnapshot
      ? (await catalogs.of(target.name).list()).versions.map(({ version }) => version)
      : [reference.version];
  nameModel(context, reference);
  return context.json({
    name: target.name,
    versions,
    platform: 'tensorflowjs_layersmodel',
    inputs: [{ name: inputName, datatype: 'FP32', shape: [-1, ...inputShape] }],
    outputs: [{ name: outputName, datatype: 'FP32', shape: [-1, labels.length] }],
  });
}

async function infer(app: AppContext, context: Context, target: Target) {
  const { models, telemetry } = app;
  const body = await readBody(context);
  const header = context.req.header('inference-header-content-length');
  const request = parseInferRequest(body, header, target.name);
  const reference = await resolve(app, context, target);
  nameModel(context, reference);
  return models.withModel(reference, (served) => {
    const { inputShape, labels } = served.model.manifest.model;
    const predictions = predictImages(served, tensorImages(request.input, inputShape));
    for (const { predicted } of predictions) {
      telemetry.predicted(served.model.manifest, 'posted', predicted);
    }
    const head = {
      model_name: target.name,
      model_version: reference.version,
      ...(request.id !== undefined && { id: request.id }),
    };
    const outputs = request.outputs.map((output) => answerOutput(output, predictions, labels));
    return answerInfer(context, head, outputs);
  });
}

const notFound = ({ name, version }: Target) =>
  new Problem(
    'not_found',
    `Request for unknown model: '${name}'${version === undefined ? '' : ` version ${version}`} is not found`,
  );
