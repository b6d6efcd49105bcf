import { engine, type LayersModel, reshape, type Tensor } from '#tensorflow';
import { pooledConvolutionName } from '../kernels/pooled-convolution.ts';
import { prepareConvolution, prepareDense } from '../kernels/prepared.ts';
import { createWorkspace } from '../kernels/workspace.ts';

type Layer = LayersModel['layers'][number];
type Step = (x: Tensor) => Tensor;

/** Computes the outputs of a batch of images. Call it within tidy(). */
export type Network = (images: Tensor) => Tensor;

/**
 * Compiles a sequential model into steps, and packs the weights for the WebAssembly kernels. A convolution and the
 * pooling after it become one step, dropout becomes none, and every other layer applies itself. TensorFlow.js runs
 * any other model, and every model if the runtime does not support SIMD.
 */
export function compileNetwork(model: LayersModel): Network {
  const uncompiled: Network = (images) => model.apply(images) as Tensor;
  if (model.getClassName() !== 'Sequential' || !pack(model.layers)) return uncompiled;
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

/** Packs the weights of convolutions and dense layers. @returns false if the runtime can't run the kernels */
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
 * Calls the kernel of the packed weights directly. It takes matrices as they are, and TensorFlow.js's three reshapes
 * around every product would take as long as the last layer itself.
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
