import { engine, type LayersModel, reshape, type Tensor } from '#tensorflow';
import { compileModel, stockLayers } from '../../shared/model/compile/compile-model.ts';
import type { Machine } from '../../shared/model/compile/machine.ts';
import { type RunKernel, runPlan } from '../../shared/model/compile/run-plan.ts';
import { pooledConvolutionName } from '../kernels/pooled-convolution.ts';
import { prepareConvolution, prepareDense } from '../kernels/prepared.ts';
import { openLayerWorkspace, openWorkspace } from '../kernels/workspace.ts';

type Layer = LayersModel['layers'][number];
type Step = (x: Tensor) => Tensor;
type Shape = (number | null)[];

/** A model, ready to run. */
export interface Network {
  /** Computes the outputs of a batch of images. Call it within tidy(). */
  run(images: Tensor): Tensor;
  /** The names of the layers that TensorFlow.js's own kernels compute, which are many times slower. */
  stockLayers: string[];
}

/**
 * Compiles a model for the WebAssembly kernels. The tutorial's network has steps of its own. TensorFlow.js runs a model that has several
 * inputs or outputs, and every model if the runtime does not support SIMD.
 */
export function compileNetwork(model: LayersModel): Network {
  try {
    if (isTutorial(model)) return tutorialNetwork(model);
    // The kernels of these layers are loaded only for models that have them.
    let machine: Machine | undefined;
    const plan = compileModel(model, () => (machine ??= openLayerWorkspace()));
    if (plan) {
      const runKernel: RunKernel = (name, inputs, attrs) => engine().runKernel(name, inputs, attrs);
      return {
        run: (images) => runPlan(plan, runKernel, images),
        stockLayers: stockLayers(plan),
      };
    }
  } catch (error) {
    if (!(error instanceof WebAssembly.CompileError)) throw error;
  }
  return {
    run: (images) => model.apply(images) as Tensor,
    stockLayers: Array.from(new Set(model.layers.map((layer) => layer.getClassName()))),
  };
}

/** Whether a model has only convolutions with pooling after them, and dense layers. */
function isTutorial(model: LayersModel): boolean {
  const { layers } = model;
  if (model.getClassName() !== 'Sequential') return false;
  return layers.every((layer, at) => {
    const [before, next] = [layers[at - 1], layers[at + 1]];
    switch (layer.getClassName()) {
      case 'Conv2D':
        return isPlainConvolution(layer) && next !== undefined && isPlainPooling(next);
      case 'MaxPooling2D':
        return isPlainPooling(layer) && before?.getClassName() === 'Conv2D';
      case 'Dense': {
        const [shape] = (layer.inboundNodes[0]?.inputShapes ?? []) as Shape[];
        // Of a vector, not of each pixel.
        return isFused(layer) && shape?.length === 2;
      }
      default:
        return ['Dropout', 'InputLayer', 'Flatten'].includes(layer.getClassName());
    }
  });
}

/** A convolution and the pooling after it become one step, and dropout none. */
function tutorialNetwork({ layers }: LayersModel): Network {
  pack(layers);
  const steps: Step[] = [];
  for (const layer of layers) {
    const name = layer.getClassName();
    if (name === 'Conv2D') steps.push(pooledConvolution(layer));
    else if (name === 'Dense') steps.push(dense(layer));
    else if (name === 'Flatten') steps.push((x) => reshape(x, [x.shape[0] ?? 0, -1]));
  }
  return { run: (images) => steps.reduce((x, step) => step(x), images), stockLayers: [] };
}

/** Packs the weights of convolutions and dense layers. */
function pack(layers: Layer[]): void {
  const workspace = openWorkspace();
  for (const layer of layers) {
    const [kernel] = layer.getWeights();
    if (!kernel) continue;
    const prepare = layer.getClassName() === 'Dense' ? prepareDense : prepareConvolution;
    prepare(workspace, kernel.dataId, kernel.shape, kernel.dataSync<'float32'>());
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
