import type { TrainingSpec } from './training-spec.ts';

/**
 * Returns the shape of each layer's output for one image.
 *
 * @throws {RangeError} if a layer doesn't fit what it reads
 */
export function layerShapes({
  inputShape,
  layers,
}: Pick<TrainingSpec, 'inputShape' | 'layers'>): number[][] {
  const shapes: number[][] = [];
  for (const [index, layer] of layers.entries()) {
    const input = shapes[index - 1] ?? inputShape;
    const [height = 1, width = 1, channels = 1] = input;
    if (isSpatial(layer.type) && input.length !== 3) {
      throw new RangeError(`Layer ${index}, ${layer.type}, reads images, but gets [${input}].`);
    }
    switch (layer.type) {
      case 'conv2d':
      case 'depthwiseConv2d': {
        const { strides = 1 } = layer;
        const outputs = layer.type === 'conv2d' ? layer.filters : channels;
        shapes.push([Math.ceil(height / strides), Math.ceil(width / strides), outputs]);
        break;
      }
      case 'maxPool2d':
        shapes.push([
          Math.floor(height / layer.poolSize),
          Math.floor(width / layer.poolSize),
          channels,
        ]);
        break;
      case 'add': {
        const added = shapes[layer.from];
        if (String(added) !== String(input)) {
          throw new RangeError(
            `Layer ${index} adds [${added}], the output of layer ${layer.from}, to [${input}].`,
          );
        }
        shapes.push([...input]);
        break;
      }
      case 'globalAveragePool':
        shapes.push([channels]);
        break;
      case 'flatten':
        shapes.push([input.reduce((product, size) => product * size, 1)]);
        break;
      case 'dense':
        shapes.push([...input.slice(0, -1), layer.units]);
        break;
      default:
        shapes.push([...input]);
    }
  }
  return shapes;
}

const isSpatial = (type: string) =>
  ['conv2d', 'depthwiseConv2d', 'maxPool2d', 'globalAveragePool'].includes(type);
