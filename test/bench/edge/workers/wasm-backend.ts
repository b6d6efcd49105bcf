import { BackendWasm } from '@tensorflow/tfjs-backend-wasm/dist/backend_wasm';
import '@tensorflow/tfjs-backend-wasm/dist/register_all_kernels';
import factory, {
  type BackendWasmModule,
} from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.js';
import simdModule from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm';
import { env, registerBackend, setBackend } from '@tensorflow/tfjs-core';

/** Opens the official wasm backend, with SIMD. */
export async function openWasmBackend(): Promise<void> {
  env().set('IS_NODE', false);
  registerBackend('wasm', async () => new BackendWasm(await openModule()));
  await setBackend('wasm');
}

interface EmscriptenRuntime {
  // biome-ignore lint/suspicious/noExplicitAny: a C function of any kind, as its name says.
  cwrap(name: string, result: string | null, parameters: string[]): (...values: any[]) => any;
}

/**
 * Opens the backend's module as `init` in its backend_wasm.ts does, but from a compiled module, because a Worker
 * may not compile one. The SIMD build's own script throws in a Worker; the plain one also runs the SIMD module.
 */
async function openModule(): Promise<BackendWasmModule> {
  const module = (await factory({
    instantiateWasm(
      imports: WebAssembly.Imports,
      onInstance: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
    ) {
      WebAssembly.instantiate(simdModule, imports).then((instance) =>
        onInstance(instance, simdModule),
      );
      return {};
    },
  })) as BackendWasmModule & EmscriptenRuntime;
  const wrap = module.cwrap;
  module.tfjs = {
    init: wrap('init', null, []),
    initWithThreadsCount: wrap('init_with_threads_count', null, ['number']),
    getThreadsCount: wrap('get_threads_count', 'number', []),
    registerTensor: wrap('register_tensor', null, ['number', 'number', 'number']),
    disposeData: wrap('dispose_data', null, ['number']),
    dispose: wrap('dispose', null, []),
  };
  return module;
}
