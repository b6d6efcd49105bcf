declare module '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm' {
  const module: WebAssembly.Module;
  export default module;
}

declare module 'onnxruntime-web/ort-wasm-simd-threaded.wasm' {
  const module: WebAssembly.Module;
  export default module;
}

/** The part that onnxruntime-web.ts uses. The package is installed only when the benchmark runs. */
declare module 'onnxruntime-web/wasm' {
  export class Tensor {
    constructor(type: 'float32', data: Float32Array, shape: number[]);
    readonly data: unknown;
  }
  export const env: { wasm: { numThreads: number; wasmBinary: ArrayBuffer } };
  export const InferenceSession: {
    create(
      model: Uint8Array,
      options: { executionProviders: string[] },
    ): Promise<{ run(inputs: Record<string, Tensor>): Promise<Record<string, Tensor>> }>;
  };
}
