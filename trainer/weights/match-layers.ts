import type { ModelSpec } from '../../shared/model/model-spec.ts';
import { type NamedTensor, shapeText, WeightsFileError } from './tensor.ts';
import { type WeightedLayer, weightedLayers } from './weighted-layers.ts';

/** The tensors of a PyTorch module: their names are the same up to the last dot. */
interface Module {
  name: string;
  weight?: NamedTensor;
  bias?: NamedTensor;
}

/** A layer and its tensors. */
export interface MatchedLayer {
  layer: WeightedLayer;
  weight: NamedTensor;
  bias: NamedTensor;
}

/**
 * Finds the tensors of each layer by their shapes, and tensors of the same shape by their order. Names vary by author:
 * `conv1`, `features.0` or any other.
 *
 * @throws {WeightsFileError} if a tensor has a wrong shape, is missing or is unexpected; lists all of them
 */
export function matchLayers(tensors: readonly NamedTensor[], spec: ModelSpec): MatchedLayer[] {
  const problems: string[] = [];
  const modules = modulesOf(tensors, problems);
  const layers = weightedLayers(spec);
  const found = new Map<WeightedLayer, Module>();
  const take = (layer: WeightedLayer, module: Module | undefined) => {
    if (!module) return;
    found.set(layer, module);
    modules.splice(modules.indexOf(module), 1);
  };
  for (const layer of layers) {
    take(
      layer,
      modules.find((module) => fits(module, layer)),
    );
  }
  // For the error message, pair each remaining layer with the first remaining module of as many dimensions.
  for (const layer of layers.filter((layer) => !found.has(layer))) {
    take(
      layer,
      modules.find(({ weight }) => weight?.shape.length === layer.weightShape.length),
    );
    problems.push(...problemsOf(layer, found.get(layer)));
  }
  for (const module of modules) {
    for (const { name, shape } of tensorsOf(module)) {
      problems.push(`${name} ${shapeText(shape)} does not belong to the network`);
    }
  }
  if (problems.length > 0) throw mismatch(spec, problems);
  return layers.map((layer) => ({ layer, ...(found.get(layer) as Required<Module>) }));
}

function modulesOf(tensors: readonly NamedTensor[], problems: string[]): Module[] {
  const modules = new Map<string, Module>();
  for (const tensor of tensors) {
    const dot = tensor.name.lastIndexOf('.');
    const name = tensor.name.slice(0, Math.max(0, dot));
    const part = tensor.name.slice(dot + 1);
    if (part !== 'weight' && part !== 'bias') {
      problems.push(`${tensor.name} ${shapeText(tensor.shape)} is neither a weight nor a bias`);
      continue;
    }
    const module = modules.get(name) ?? { name };
    module[part] = tensor;
    modules.set(name, module);
  }
  return [...modules.values()];
}

const isShape = (tensor: NamedTensor | undefined, shape: readonly number[]) =>
  tensor !== undefined && shapeText(tensor.shape) === shapeText(shape);

const fits = ({ weight, bias }: Module, { weightShape, biasShape }: WeightedLayer) =>
  isShape(weight, weightShape) && isShape(bias, biasShape);

const tensorsOf = ({ weight, bias }: Module) =>
  [weight, bias].filter((tensor) => tensor !== undefined);

function problemsOf(layer: WeightedLayer, module: Module | undefined): string[] {
  const what = `layer ${layer.index} (${layer.type})`;
  const parts = [
    ['weight', layer.weightShape],
    ['bias', layer.biasShape],
  ] as const;
  return parts.flatMap(([part, shape]) => {
    const tensor = module?.[part];
    if (isShape(tensor, shape)) return [];
    if (tensor) {
      return `${tensor.name} is ${shapeText(tensor.shape)}, but ${what} expects ${shapeText(shape)}`;
    }
    const name = module ? `${module.name}.${part}` : `a ${part}`;
    return `${name} is missing: ${what} expects ${shapeText(shape)}`;
  });
}

function mismatch({ name, labels }: ModelSpec, problems: string[]): WeightsFileError {
  const lines = problems.map((problem) => `  - ${problem}`).join('\n');
  return new WeightsFileError(
    `The tensors do not match ${name}, a network with ${labels.length} labels:\n${lines}\n--dataset determines the labels. docs/03-your-own-data.md shows the network in PyTorch.`,
  );
}
