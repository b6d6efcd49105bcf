import type { Handler } from 'hono';
import { version as serverVersion } from '../../package.json';
import type { AppContext, Collaborators } from '../app-context.ts';
import { ModelError, Problem } from '../errors.ts';
import { nameModel } from '../http/model-headers.ts';
import { readBody } from '../input/body.ts';
import { modelChoice } from '../input/model-choice.ts';
import { predictImages } from '../model/predict.ts';
import type { ModelChoice, ModelReference } from '../model/served-models.ts';
import { parseInferRequest } from './open-inference-request.ts';
import { answerInfer, answerOutput, tensorImages } from './open-inference-tensors.ts';
import { inputName, outputName, versionOfNumber } from './protocol.ts';

/** What a path under /v2/models names. */
interface Target {
  name: string;
  version: string | undefined;
}

const paths =
  /^\/v2(?:\/health\/(live|ready)|\/models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/(ready|infer))?)?\/?$/;

/**
 * The Open Inference Protocol, version 2, which is all that is under /v2
 * (https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md), with Triton's extensions for
 * classification and binary tensors (https://github.com/triton-inference-server/server/tree/main/docs/protocol).
 */
export function openInference(collaborators: Collaborators): Handler {
  const { models, catalog, modelName, alias, telemetry } = collaborators;
  return async function answerOpenInference(context: AppContext) {
    const { method, path } = context.req;
    const match = paths.exec(path);
    if (!match) throw new Problem('not_found', `There is no ${method} ${path}.`);
    const [, health, name, version, subject] = match;
    const expected = subject === 'infer' ? ['POST'] : ['GET', 'HEAD'];
    if (!expected.includes(method)) {
      throw new Problem('method_not_allowed', `${path} takes ${expected[0]}, not ${method}.`, {
        headers: { allow: expected.join(', ') },
      });
    }
    if (health === 'live') return context.json({ live: true });
    if (health === 'ready') return serverReady(context);
    if (name === undefined) {
      const extensions = ['classification', 'binary_tensor_data'];
      return context.json({ name: 'catwalk', version: serverVersion, extensions });
    }
    if (name !== modelName) throw notFound({ name, version });
    if (subject === 'infer') return infer(context, { name, version });
    if (subject === 'ready') return modelReady(context, { name, version });
    return metadata(context, { name, version });
  };

  /** The specification calls it `live`; KServe's servers and clients, `ready`. */
  async function serverReady(context: AppContext) {
    await models.resolve({ alias }, context.executionCtx);
    return context.json({ live: true, ready: true });
  }

  async function modelReady(context: AppContext, target: Target) {
    nameModel(context, await resolve(context, target));
    return context.json({ name: target.name, ready: true });
  }

  async function metadata(context: AppContext, target: Target) {
    const reference = await resolve(context, target);
    const { inputShape, labels } = await models.withModel(
      reference,
      ({ model }) => model.manifest.model,
    );
    const versions = target.version === undefined ? await listed() : [reference.version];
    nameModel(context, reference);
    return context.json({
      name: modelName,
      versions,
      platform: 'tensorflowjs_layersmodel',
      inputs: [{ name: inputName, datatype: 'FP32', shape: [-1, ...inputShape] }],
      outputs: [{ name: outputName, datatype: 'FP32', shape: [-1, labels.length] }],
    });
  }

  async function listed(): Promise<string[]> {
    const { versions } = await catalog.list();
    return versions.map(({ version }) => version);
  }

  async function infer(context: AppContext, target: Target) {
    const body = await readBody(context.req.raw);
    const header = context.req.header('inference-header-content-length');
    const request = parseInferRequest(body, header, modelName);
    const reference = await resolve(context, target);
    nameModel(context, reference);
    return models.withModel(reference, (served) => {
      const { inputShape, labels } = served.model.manifest.model;
      const predictions = predictImages(served, tensorImages(request.input, inputShape));
      for (const { predicted } of predictions) {
        telemetry.predicted(served.model.manifest, 'posted', predicted);
      }
      const head = {
        model_name: modelName,
        model_version: reference.version,
        ...(request.id === undefined ? {} : { id: request.id }),
      };
      const outputs = request.outputs.map((output) => answerOutput(output, predictions, labels));
      return answerInfer(context, head, outputs);
    });
  }

  async function resolve(context: AppContext, target: Target): Promise<ModelReference> {
    try {
      return await models.resolve(await choose(context, target), context.executionCtx);
    } catch (error) {
      const isMissing = error instanceof ModelError && error.code === 'version_not_found';
      throw isMissing ? notFound(target) : error;
    }
  }

  async function choose(context: AppContext, target: Target): Promise<ModelChoice> {
    if (target.version === undefined) return modelChoice(context);
    const version = await versionOfNumber(target.version, catalog);
    if (version === null) throw notFound(target);
    return { version };
  }
}

const notFound = ({ name, version }: Target) =>
  new Problem(
    'not_found',
    `Request for unknown model: '${name}'${version === undefined ? '' : ` version ${version}`} is not found`,
  );
