/** Stock TensorFlow.js on its cpu backend. */
import '@tensorflow/tfjs-backend-cpu';
import { env, setBackend } from '@tensorflow/tfjs-core';
import { forwardWorker } from './forward-worker.ts';
import { tfjsForward } from './tfjs-forward.ts';

export default forwardWorker(async () => {
  env().set('IS_NODE', false);
  await setBackend('cpu');
  return tfjsForward();
});
