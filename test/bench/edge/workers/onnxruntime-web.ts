/** onnxruntime-web on its WebAssembly backend, one thread, with the same weights. */

import runtimeModule from 'onnxruntime-web/ort-wasm-simd-threaded.wasm';
import { InferenceSession, env as ortEnv, Tensor } from 'onnxruntime-web/wasm';
import { forwardWorker } from './forward-worker.ts';
import { readObject } from './published-model.ts';

export default forwardWorker(async () => {
  ortEnv.wasm.numThreads = 1;
  useCompiledModule();
  const bytes = new Uint8Array(await (await readObject('bench/model.onnx')).arrayBuffer());
  const session = await InferenceSession.create(bytes, { executionProviders: ['wasm'] });
  return async (input, count) => {
    const { logits } = await session.run({
      images: new Tensor('float32', input, [count, 1, 28, 28]),
    });
    return logits?.data as Float32Array;
  };
});

/** onnxruntime-web compiles WebAssembly from bytes, which a Worker may not do: it may only instantiate compiled modules. */
function useCompiledModule(): void {
  ortEnv.wasm.wasmBinary = new ArrayBuffer(1);
  const instantiate = WebAssembly.instantiate as (
    module: WebAssembly.Module,
    imports?: WebAssembly.Imports,
  ) => Promise<WebAssembly.Instance>;
  const instantiateRuntime = async (_bytes: unknown, imports?: WebAssembly.Imports) => ({
    module: runtimeModule,
    instance: await instantiate(runtimeModule, imports),
  });
  Object.assign(WebAssembly, { instantiate: instantiateRuntime });
}
