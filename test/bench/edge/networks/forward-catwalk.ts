import { engine, modelFromJSON, type PyJsonDict, tidy } from '#tensorflow';
import { registerExtraKernels, registerKernels } from '../../../../edge/kernels/register.ts';
import { compileNetwork } from '../../../../edge/model/network.ts';
import { weightTensors, withoutInitializers } from '../../../../edge/model/weights.ts';
import type { WeightSpec } from '../../../../shared/registry/weight-values.ts';

interface ModelFiles {
  modelTopology: object;
  weightSpecs: WeightSpec[];
  weightData: ArrayBuffer;
}

/**
 * Returns Catwalk's own prediction code for a layers model: the network of edge/model. It is not in workers/, which is a package of its own
 * and has no `#tensorflow`.
 */
export async function catwalkForward(
  { modelTopology, weightSpecs, weightData }: ModelFiles,
  inputShape: readonly number[],
) {
  const topology = modelTopology as Record<string, unknown>;
  registerKernels();
  await registerExtraKernels(topology);
  const model = await modelFromJSON({
    modelTopology: withoutInitializers(topology) as PyJsonDict,
  });
  model.loadWeights(weightTensors(weightSpecs, new Uint8Array(weightData)));
  const network = compileNetwork(model);
  return (input: Float32Array, count: number): Float32Array => {
    let logits = input;
    tidy(() => {
      const images = engine().makeTensor(input, [count, ...inputShape], 'float32');
      logits = network.run(images).dataSync<'float32'>();
    });
    return logits;
  };
}
