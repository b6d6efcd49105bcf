declare module '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm' {
  const module: WebAssembly.Module;
  export default module;
}

declare module 'onnxruntime-web/ort-wasm-simd-threaded.wasm' {
  const module: WebAssembly.Module;
  export default module;
}
