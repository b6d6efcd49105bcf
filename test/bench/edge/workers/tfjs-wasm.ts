/** Stock TensorFlow.js on its official wasm backend, with SIMD. */
import { forwardWorker } from './forward-worker.ts';
import { tfjsForward } from './tfjs-forward.ts';
import { openWasmBackend } from './wasm-backend.ts';

export default forwardWorker(async () => {
  await openWasmBackend();
  return tfjsForward();
});
