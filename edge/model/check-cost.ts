import type { LayersModel } from '#tensorflow';
import { ModelError } from '../errors.ts';

type Layer = LayersModel['layers'][number];
type Shape = (number | null)[];

/** Numbers in the outputs of all layers for one image, 32 MB. MobileNetV2 has 7 million for 224x224 pixels. */
export const maxOutputs = 8_000_000;
/** Multiply-adds for one image, a few seconds of CPU. MobileNetV2 has 300 million, the tutorial's network 8. */
const maxMultiplyAdds = 600_000_000;

/** Calls of layers, also those within nested models. */
const maxCalls = 10_000;

/** The cost of one image. */
export interface Cost {
  calls: number;
  /** Numbers in the outputs of all layers. */
  outputs: number;
  multiplyAdds: number;
}

/**
 * Computes the cost of a model from the shapes of its layers, before it has weights and before it runs.
 *
 * @param what names the model in errors
 * @throws {ModelError} `bad_model` if one image costs too much, or its cost can't be known
 */
export function checkCost(model: LayersModel, what: string): Cost {
  const cost = { calls: 0, outputs: 0, multiplyAdds: 0 };
  addLayers(model, cost, what);
  const { outputs, multiplyAdds } = cost;
  // Also refuses NaN.
  if (!(outputs <= maxOutputs)) {
    throw new ModelError(
      'bad_model',
      `${what} has layers with ${outputs} outputs per image; the maximum is ${maxOutputs}.`,
    );
  }
  if (!(multiplyAdds <= maxMultiplyAdds)) {
    throw new ModelError(
      'bad_model',
      `${what} needs ${multiplyAdds} multiply-adds per image; the maximum is ${maxMultiplyAdds}.`,
    );
  }
  return cost;
}

function addLayers(model: LayersModel, cost: Cost, what: string): void {
  for (const layer of model.layers) {
    for (const node of layer.inboundNodes) {
      const inputs = node.inputShapes as Shape[];
      for (const shape of node.outputShapes as Shape[]) addCall(layer, inputs, shape, cost, what);
      if (!('layers' in layer)) continue;
      const nested = layer as unknown as LayersModel;
      // Inside, the shapes are those of the nested model's own inputs.
      const own = nested.inputs.map(({ shape }) => shape.slice(1));
      if (JSON.stringify(own) !== JSON.stringify(inputs.map((shape) => shape.slice(1)))) {
        throw new ModelError(
          'bad_model',
          `${what} calls the nested model ${layer.name} with inputs of another shape.`,
        );
      }
      addLayers(nested, cost, what);
    }
  }
}

function addCall(layer: Layer, inputs: Shape[], output: Shape, cost: Cost, what: string): void {
  const { axis, poolSize } = layer.getConfig() as { axis?: unknown; poolSize?: number | number[] };
  const className = layer.getClassName();
  if (++cost.calls > maxCalls) {
    throw new ModelError('bad_model', `${what} calls its layers more than ${maxCalls} times.`);
  }
  if (className === 'Concatenate' && (axis === 0 || axis === -output.length)) {
    throw new ModelError('bad_model', `${what} concatenates images with each other.`);
  }
  const outputs = sizeOf(output);
  const largestInput = Math.max(1, ...inputs.map(sizeOf));
  // A kernel's number is multiplied once at each position of the input or output, whichever has more.
  const positions = Math.max(...[output, ...inputs].map((shape) => sizeOf(shape.slice(0, -1))));
  const weights = layer.weights
    .filter(({ originalName }) => originalName.endsWith('kernel'))
    .reduce((sum, { shape }) => sum + sizeOf([null, ...shape]), 0);
  const window = [poolSize ?? []].flat().reduce((product, size) => product * Number(size), 1);
  cost.multiplyAdds += positions * weights + outputs * Math.min(window, largestInput);
  if (className === 'Dot') cost.multiplyAdds += outputs * largestInput;
  // A separable convolution keeps the output of its first half, too.
  const { depthMultiplier = 1 } = layer as { depthMultiplier?: number };
  cost.outputs += outputs + (className === 'SeparableConv2D' ? largestInput * depthMultiplier : 0);
}

/** Numbers per image. NaN if a size is unknown. */
const sizeOf = (shape: readonly (number | null)[]): number =>
  shape.slice(1).reduce<number>((product, size) => product * (size ?? Number.NaN), 1);
