import type { ModelSpec } from '../../shared/model/model-spec.ts';
import { type NamedTensor, shapeText, WeightsFileError } from './tensor.ts';
import { type WeightedLayer, weightedLayers } from './weighted-layers.ts';

/** The tensors of one of PyTorch's modules, of the same name up to the last dot. */
interface Module {
  name: string;
  weight?: NamedTensor;
  bias?: NamedTensor;
}

/** A layer with PyTorch's tensors for it. */
export interface MatchedLayer {
  layer: WeightedLayer;
  weight: NamedTensor;
  bias: NamedTensor;
}

/**
 * Finds the tensors of each layer by their shapes, and where several are of one shape by their order: names are the
 * author's own, `conv1`, `features.0` or any other.
 *
 * @throws {WeightsFileError} that says of each tensor that has a wrong shape, is missing or is one too many
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
  // What is left is told as well as can be: a convolution's tensor is that of the first convolution that has none.
  for (const layer of layers.filter((layer) => !found.has(layer))) {
    take(
      layer,
      modules.find(({ weight }) => weight?.shape.length === layer.weightShape.length),
    );
    problems.push(...problemsOf(layer, found.get(layer)));
  }
  for (const module of modules) {
    for (const { name, shape } of tensorsOf(module)) {
      problems.push(`${name} ${shapeText(shape)} has no place in the network`);
    }
  }
  if (problems.length > 0) throw misfit(spec, problems);
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
      return `${tensor.name} is ${shapeText(tensor.shape)}, but ${what} takes ${shapeText(shape)}`;
    }
    const name = module ? `${module.name}.${part} is missing` : `there is no ${part}`;
    return `${name}: ${what} takes one of ${shapeText(shape)}`;
  });
}

function misfit({ name, labels }: ModelSpec, problems: string[]): WeightsFileError {
  const lines = problems.map((problem) => `  - ${problem}`).join('\n');
  return new WeightsFileError(
    `The tensors are not those of ${name}, a network of ${labels.length} labels:\n${lines}\nThe network, and how to write it in PyTorch: docs/03-your-own-data.md. The labels are those of --dataset.`,
  );
}
