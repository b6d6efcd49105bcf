import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { compileModel } from '../../../shared/model/compile/compile-model.ts';
import { runPlan, segmentKernel } from '../../../shared/model/compile/run-plan.ts';
import { exactForward } from '../../support/models/exact-forward.ts';
import { openMachine } from '../../support/models/open-machine.ts';

/** How far the logits of one image are from each other. */
export interface Comparison {
  /** Between the compiled network and the stock cpu backend. */
  fromStock: number;
  /** Between each of them and 64-bit floats. */
  catwalkFromExact: number;
  stockFromExact: number;
  largestLogit: number;
  hasOtherLabel: boolean;
}

/**
 * Compiles a model without the softmax at its end, and returns how to compare an image's logits.
 *
 * @throws {RangeError} if the model can't be compiled
 */
export function openComparison(model: tfl.LayersModel): (image: Float32Array) => Comparison {
  tf.registerKernel(segmentKernel);
  const last = model.layers.findLast((layer) => layer.getWeights().length > 0) as tfl.layers.Layer;
  const outputs = last.output as tfl.SymbolicTensor;
  const logits = tfl.model({ inputs: model.inputs, outputs });
  const plan = compileModel(logits, () => openMachine('relaxed-simd'));
  if (!plan) throw new RangeError('The network has several inputs or outputs.');
  const shape = model.inputs[0]?.shape.slice(1) as number[];
  return (image) => {
    const [catwalk, stock] = (['catwalk', 'stock'] as const).map((name) =>
      tf.tidy(() => {
        const x = tf.tensor(image, [1, ...shape]);
        const run = tf.engine().runKernel.bind(tf.engine());
        const y = name === 'stock' ? logits.predict(x) : runPlan(plan, run, x);
        return (y as tf.Tensor).dataSync<'float32'>();
      }),
    ) as [Float32Array, Float32Array];
    const exact = exactForward(logits, image);
    return {
      fromStock: distance(catwalk, stock),
      catwalkFromExact: distance(catwalk, exact),
      stockFromExact: distance(stock, exact),
      largestLogit: Math.max(...exact.map(Math.abs)),
      hasOtherLabel: labelOf(catwalk) !== labelOf(stock),
    };
  };
}

const labelOf = (logits: Float32Array) => logits.indexOf(Math.max(...logits));

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = 0;
  for (let at = 0; at < a.length; at++) {
    largest = Math.max(largest, Math.abs((a[at] as number) - (b[at] as number)));
  }
  return largest;
}
