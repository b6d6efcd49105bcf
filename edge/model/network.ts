import { engine, type LayersModel, reshape, type Tensor } from '#tensorflow';
import { pooledConvolutionName } from '../kernels/pooled-convolution.ts';
import { prepareConvolution, prepareDense } from '../kernels/prepared.ts';
import { createWorkspace } from '../kernels/workspace.ts';

type Layer = LayersModel['layers'][number];
type Step = (x: Tensor) => Tensor;

/** A layers model as it is run: from a batch of images to its outputs. Call it within tidy(). */
export type Network = (images: Tensor) => Tensor;

/**
 * Packs the weights that the WebAssembly kernels take and puts the steps of a sequential model in a row: a convolution
 * with the pooling after it is one step, dropout is none, and every other layer applies itself. Any other model, and
 * any model where the runtime has no SIMD, runs as TensorFlow.js runs it.
 */
export function compileNetwork(model: LayersModel): Network {
  const asItIs: Network = (images) => model.apply(images) as Tensor;
  if (model.getClassName() !== 'Sequential' || !pack(model.layers)) return asItIs;
  const steps: Step[] = [];
  for (let at = 0; at < model.layers.length; at++) {
    const layer = model.layers[at] as Layer;
    const next = model.layers[at + 1];
    if (isPlainConvolution(layer) && next && isPlainPooling(next)) {
      steps.push(pooledConvolution(layer));
      at++;
    } else if (layer.getClassName() === 'Dense' && isFused(layer)) {
      steps.push(dense(layer));
    } else if (layer.getClassName() === 'Flatten') {
      steps.push((x) => reshape(x, [x.shape[0] ?? 0, -1]));
    } else if (!['Dropout', 'InputLayer'].includes(layer.getClassName())) {
      steps.push((x) => layer.apply(x) as Tensor);
    }
  }
  return (images) => steps.reduce((x, step) => step(x), images);
}

/** Packs every convolution's and dense layer's weights; false where the kernels can't run here. */
function pack(layers: Layer[]): boolean {
  try {
    const workspace = createWorkspace();
    for (const [at, layer] of layers.entries()) {
      const next = layers[at + 1];
      const [kernel] = layer.getWeights();
      if (!kernel) continue;
      const prepare =
        isPlainConvolution(layer) && next && isPlainPooling(next)
          ? prepareConvolution
          : layer.getClassName() === 'Dense' && prepareDense;
      if (prepare) prepare(workspace, kernel.dataId, kernel.shape, kernel.dataSync<'float32'>());
    }
    return true;
  } catch (error) {
    if (error instanceof WebAssembly.CompileError) return false;
    throw error;
  }
}

function isPlainConvolution(layer: Layer): boolean {
  const { strides, padding, dataFormat, dilationRate } = layer.getConfig();
  return (
    layer.getClassName() === 'Conv2D' &&
    isFused(layer) &&
    padding === 'same' &&
    dataFormat === 'channelsLast' &&
    String(strides) === '1,1' &&
    String(dilationRate) === '1,1'
  );
}

function isPlainPooling(layer: Layer): boolean {
  const { poolSize, strides, padding } = layer.getConfig();
  return (
    layer.getClassName() === 'MaxPooling2D' &&
    padding === 'valid' &&
    String(poolSize) === '2,2' &&
    String(strides) === '2,2'
  );
}

const isFused = (layer: Layer) => ['relu', 'linear'].includes(String(layer.getConfig().activation));

function pooledConvolution(layer: Layer): Step {
  const [filter, bias] = layer.getWeights() as [Tensor, Tensor | undefined];
  const attributes = { activation: String(layer.getConfig().activation) };
  return (x) =>
    engine().runKernel(
      pooledConvolutionName,
      bias ? { x, filter, bias } : { x, filter },
      attributes,
    ) as Tensor;
}

/**
 * The weights are packed, so the kernel that they go to is ours: it takes matrices as they are, and the three reshapes that
 * TensorFlow.js puts around every product would take as long as the last layer itself.
 */
function dense(layer: Layer): Step {
  const [b, bias] = layer.getWeights() as [Tensor, Tensor | undefined];
  const attributes = {
    transposeA: false,
    transposeB: false,
    activation: String(layer.getConfig().activation),
  };
  return (a) =>
    engine().runKernel('_FusedMatMul', bias ? { a, b, bias } : { a, b }, attributes) as Tensor;
}
