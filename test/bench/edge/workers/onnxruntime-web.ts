/** onnxruntime-web on its WebAssembly backend, one thread, with the same weights. */

import { Tensor } from 'onnxruntime-web/wasm';
import { forwardWorker } from './forward-worker.ts';
import { openOnnxSession } from './onnx-session.ts';

export default forwardWorker(async () => {
  const session = await openOnnxSession();
  return async (input, count) => {
    const { logits } = await session.run({
      images: new Tensor('float32', input, [count, 1, 28, 28]),
    });
    return logits?.data as Float32Array;
  };
});
