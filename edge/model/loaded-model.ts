import {
  dispose,
  engine,
  fromMemory,
  type LayersModel,
  loadLayersModel,
  type NamedTensorMap,
  tidy,
  type WeightsManifestEntry,
} from '#tensorflow';
import type { Manifest } from '../../shared/registry/manifest.ts';
import { ModelError } from '../errors.ts';
import { registerExtraKernels, registerKernels } from '../kernels/register.ts';
import { compileNetwork, type Network } from './network.ts';
import { weightTensors, withoutInitializers } from './weights.ts';

/** A version in memory. */
export interface LoadedModel {
  readonly manifest: Manifest;
  /** What its weights take; packed for the kernels they take about as much again. */
  readonly bytes: number;
  /**
   * Runs the network, at once and in one go.
   *
   * @param input normalized pixels of `count` images, one after the other
   * @returns the logits, `labels.length` for each image
   */
  predict(input: Float32Array, count: number): Float32Array;
  /** Gives its memory back. It can't predict after that. */
  dispose(): void;
}

export interface ModelParts {
  manifest: Manifest;
  topology: Record<string, unknown>;
  weightSpecs: WeightsManifestEntry[];
  /** All of them, one after the other; its first byte at a multiple of 4. */
  weights: Uint8Array<ArrayBuffer>;
}

/**
 * Builds a model on the cpu backend and has it predict once, so that whatever it lacks shows now.
 *
 * @throws {ModelError} where it can't be built, does not fit its manifest or gives no numbers
 */
export async function createModel(parts: ModelParts): Promise<LoadedModel> {
  registerKernels();
  const { manifest } = parts;
  await registerExtraKernels(parts.topology);
  const variablesBefore = new Set(Object.keys(engine().registeredVariables));
  try {
    const model = await loadLayersModel(
      fromMemory({ modelTopology: withoutInitializers(parts.topology) }),
    );
    const tensors = weightTensors(parts.weightSpecs, parts.weights);
    const weightBytes = Object.values(tensors).reduce((bytes, { size }) => bytes + 4 * size, 0);
    try {
      checkFinite(tensors, manifest);
      model.loadWeights(tensors);
    } finally {
      dispose(tensors);
    }
    checkShapes(model, manifest);
    const network = compileNetwork(model);
    const loaded: LoadedModel = {
      manifest,
      bytes: weightBytes,
      predict: (input, count) => predict(network, manifest, input, count),
      dispose: () => void model.dispose(),
    };
    warmUp(loaded);
    return loaded;
  } catch (cause) {
    // A model that fails half built can't be disposed of as a whole.
    for (const [name, variable] of Object.entries(engine().registeredVariables)) {
      if (!variablesBefore.has(name)) variable.dispose();
    }
    if (cause instanceof ModelError) throw cause;
    throw new ModelError('bad_model', explain(manifest.version, cause), { cause });
  }
}

function predict(network: Network, manifest: Manifest, input: Float32Array, count: number) {
  let logits: Float32Array = new Float32Array();
  // tidy() would look for tensors among the logits, one by one, if they were what it returns.
  tidy(() => {
    const shape = [count, ...manifest.model.inputShape]; // [count, 28, 28, 1]
    const images = engine().makeTensor(input, shape, 'float32');
    logits = network(images).dataSync<'float32'>(); // -> [count, 10]
  });
  return logits;
}

/** One prediction does not meet every weight: kernels leave out those that a zero would be multiplied with. */
function checkFinite(tensors: NamedTensorMap, { version }: Manifest): void {
  let before = 0;
  for (const tensor of Object.values(tensors)) {
    const values = tensor.dataSync<'float32'>();
    // 0 times a number is 0, times anything else NaN. A call for each would take longer than all the rest of the check.
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += 0 * (values[i] as number);
    if (sum !== 0) {
      const wrong = values.findIndex((weight) => !Number.isFinite(weight));
      throw new ModelError(
        'bad_model',
        `Weight ${before + wrong} of version ${version} is ${values[wrong]}, no finite number.`,
      );
    }
    before += values.length;
  }
}

function checkShapes(model: LayersModel, { model: spec, version }: Manifest): void {
  if (spec.inputShape[2] !== 1) {
    throw new ModelError(
      'bad_model',
      `Version ${version} takes ${spec.inputShape[2]} channels; this Worker makes grey images, of one.`,
    );
  }
  const found = JSON.stringify([model.inputs[0]?.shape.slice(1), model.outputs[0]?.shape.slice(1)]);
  const expected = JSON.stringify([spec.inputShape, [spec.labels.length]]);
  if (found !== expected) {
    throw new ModelError(
      'bad_model',
      `Version ${version} takes and gives ${found}, its manifest says ${expected}.`,
    );
  }
}

function warmUp({ manifest, predict }: LoadedModel): void {
  const [height, width, channels] = manifest.model.inputShape;
  const logits = predict(new Float32Array(height * width * channels), 1);
  if (!logits.every(Number.isFinite)) {
    throw new ModelError(
      'bad_model',
      `Version ${manifest.version} answers a black image with ${Array.from(logits).join(', ')}.`,
    );
  }
}

function explain(version: string, cause: unknown): string {
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (/^Kernel '.*' not registered/.test(reason) || reason.startsWith('Unknown layer')) {
    return `Version ${version} needs what this Worker does not bundle (docs/04-publish.md lists what it does): ${reason}`;
  }
  return `Version ${version} can't be loaded: ${reason}`;
}
