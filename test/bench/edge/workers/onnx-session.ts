import runtimeModule from 'onnxruntime-web/ort-wasm-simd-threaded.wasm';
import { InferenceSession, env as ortEnv } from 'onnxruntime-web/wasm';
import { readObject } from './published-model.ts';

/** Opens the ONNX model in the bucket on one thread. */
export async function openOnnxSession() {
  ortEnv.wasm.numThreads = 1;
  useCompiledModule();
  const bytes = new Uint8Array(await (await readObject('bench/model.onnx')).arrayBuffer());
  return InferenceSession.create(bytes, { executionProviders: ['wasm'] });
}

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
