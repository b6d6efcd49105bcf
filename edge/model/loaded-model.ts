import {
  dispose,
  engine,
  type LayersModel,
  modelFromJSON,
  type NamedTensorMap,
  type PyJsonDict,
  tidy,
} from '#tensorflow';
import type { Manifest } from '../../shared/registry/manifest.ts';
import type { WeightSpec } from '../../shared/registry/weight-values.ts';
import { ModelError } from '../errors.ts';
import { registerExtraKernels, registerKernels } from '../kernels/register.ts';
import { checkCost, maxOutputs } from './check-cost.ts';
import { checkTopology } from './check-topology.ts';
import { compileNetwork, type Network } from './network.ts';
import { weightTensors, withoutInitializers } from './weights.ts';

/** A version in memory. */
export interface LoadedModel {
  readonly manifest: Manifest;
  /** Size of the weights. Packed for the kernels, they take about the same again. */
  readonly bytes: number;
  /** The names of the layers that have no fast kernel. */
  readonly stockLayers: readonly string[];
  /**
   * Runs the network synchronously.
   *
   * @param input normalized pixels of `count` images, one image after the other
   * @returns the logits, `labels.length` per image
   */
  predict(input: Float32Array, count: number): Float32Array;
  /** Frees the memory. The model can't predict any more. */
  dispose(): void;
}

export interface ModelParts {
  manifest: Manifest;
  /** As in model.json. */
  topology: Record<string, unknown>;
  weightSpecs: WeightSpec[];
  /** All weights in the order of their specs, from a multiple of 4 bytes on. */
  weights: Uint8Array<ArrayBuffer>;
}

/**
 * Builds a model on the cpu backend and runs one prediction, so that a missing layer or kernel fails now.
 *
 * @throws {ModelError} if the model can't be built, does not fit its manifest or returns values that are not finite
 */
export async function createModel(parts: ModelParts): Promise<LoadedModel> {
  registerKernels();
  const { manifest } = parts;
  const what = `version ${manifest.version}`;
  checkTopology(parts.topology, what);
  await registerExtraKernels(parts.topology);
  // modelFromJSON() has built the layers when it returns its promise: other loads have no part in the new variables.
  const before = new Set(Object.values(engine().registeredVariables));
  const built = modelFromJSON({
    modelTopology: withoutInitializers(parts.topology) as PyJsonDict,
  });
  const variables = Object.values(engine().registeredVariables).filter((each) => !before.has(each));
  try {
    const model = await built;
    checkShapes(model, manifest);
    const { outputs } = checkCost(model, `The model of ${what}`);
    const tensors = weightTensors(parts.weightSpecs, parts.weights);
    const bytes = Object.values(tensors).reduce((sum, { size }) => sum + 4 * size, 0);
    try {
      checkFinite(tensors, manifest);
      model.loadWeights(tensors);
    } finally {
      dispose(tensors);
    }
    const network = compileNetwork(model);
    const maxImages = Math.max(1, Math.floor(maxOutputs / outputs));
    const loaded: LoadedModel = {
      manifest,
      bytes,
      stockLayers: network.stockLayers,
      predict: (input, count) => runInParts(network, manifest, input, count, maxImages),
      dispose: () => void model.dispose(),
    };
    warmUp(loaded);
    return loaded;
  } catch (cause) {
    // TensorFlow.js can't dispose of a model that is built only in part.
    dispose(variables);
    if (cause instanceof ModelError) throw cause;
    throw new ModelError('bad_model', explain(manifest.version, cause), { cause });
  }
}

/** Runs no more images at once than fit in memory with the outputs of all layers. */
function runInParts(
  network: Network,
  manifest: Manifest,
  input: Float32Array,
  count: number,
  maxImages: number,
): Float32Array {
  if (count <= maxImages) return runNetwork(network, manifest, input, count);
  const { labels } = manifest.model;
  const imageLength = input.length / count;
  const logits = new Float32Array(count * labels.length);
  for (let from = 0; from < count; from += maxImages) {
    const images = Math.min(maxImages, count - from);
    const part = input.slice(from * imageLength, (from + images) * imageLength);
    logits.set(runNetwork(network, manifest, part, images), from * labels.length);
  }
  return logits;
}

function runNetwork(network: Network, manifest: Manifest, input: Float32Array, count: number) {
  let logits: Float32Array = new Float32Array();
  // If tidy() returned the logits, it would search them for tensors, one number at a time.
  tidy(() => {
    const shape = [count, ...manifest.model.inputShape]; // [count, 28, 28, 1]
    const images = engine().makeTensor(input, shape, 'float32');
    logits = network.run(images).dataSync<'float32'>(); // -> [count, 10]
  });
  return logits;
}

/** One prediction does not use every weight: the kernels skip those that are multiplied with zero. */
function checkFinite(tensors: NamedTensorMap, { version }: Manifest): void {
  let before = 0;
  for (const tensor of Object.values(tensors)) {
    const values = tensor.dataSync<'float32'>();
    // 0 times a finite number is 0, and NaN otherwise. A function call per weight would be far slower.
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += 0 * (values[i] as number);
    if (sum !== 0) {
      const index = values.findIndex((weight) => !Number.isFinite(weight));
      throw new ModelError(
        'bad_model',
        `Weight ${before + index} of version ${version} is ${values[index]}, which is not a finite number.`,
      );
    }
    before += values.length;
  }
}

function checkShapes(model: LayersModel, { model: spec, version }: Manifest): void {
  const found = JSON.stringify([model.inputs[0]?.shape.slice(1), model.outputs[0]?.shape.slice(1)]);
  const expected = JSON.stringify([spec.inputShape, [spec.labels.length]]);
  if (found !== expected) {
    throw new ModelError(
      'bad_model',
      `Version ${version} has the input and output shapes ${found}, but its manifest says ${expected}.`,
    );
  }
}

function warmUp({ manifest, predict }: LoadedModel): void {
  const [height, width, channels] = manifest.model.inputShape;
  const logits = predict(new Float32Array(height * width * channels), 1);
  if (logits.every(Number.isFinite)) return;
  throw new ModelError(
    'bad_model',
    `Version ${manifest.version} answers a black image with ${Array.from(logits).join(', ')}.`,
  );
}

function explain(version: string, cause: unknown): string {
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (/^Kernel '.*' not registered/.test(reason) || reason.startsWith('Unknown layer')) {
    return `Version ${version} needs a layer or kernel that this Worker does not bundle (docs/04-publish.md lists what it does): ${reason}`;
  }
  return `Version ${version} can't be loaded: ${reason}`;
}
