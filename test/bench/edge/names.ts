/** Contestants that others are compared with, or that appear in several tables. */
export const names = {
  catwalk: 'Catwalk',
  stockCpu: 'tfjs cpu, stock',
  pytorch: 'PyTorch, native, 1 thread',
  /** A Hono route that answers a constant, in a Worker with the same bindings. */
  constant: 'constant',
  /** Only decodes. */
  jpegJs: 'jpeg-js',
  onnxruntime: 'onnxruntime-web, 1 thread',
  /** The official wasm backend with the folded network. */
  foldedWasm: 'tfjs wasm, fused and folded',
  /** Catwalk's decoder without the rest. */
  decoding: 'only decoded',
};
