/** Stock TensorFlow.js on its cpu backend: the layers model as it is. */
import '@tensorflow/tfjs-backend-cpu';
import { env, io, setBackend, type Tensor, tensor, tidy } from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { layersModel, networkWorker } from './network-worker.ts';

export default networkWorker(async ({ network: { inputShape } }) => {
  env().set('IS_NODE', false);
  await setBackend('cpu');
  const model = await loadLayersModel(io.fromMemory(await layersModel()));
  return (input, count) =>
    tidy(() =>
      (model.apply(tensor(input, [count, ...inputShape])) as Tensor).dataSync<'float32'>(),
    );
});
