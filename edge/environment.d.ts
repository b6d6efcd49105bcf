declare namespace Cloudflare {
  /** The Worker's bindings. configuration.ts declares its variables. */
  interface Env {
    BUCKET: R2Bucket;
    RATE_LIMITER?: RateLimit;
    ANALYTICS?: AnalyticsEngineDataset;
  }
}

/** Wrangler compiles imported .wasm files. */
declare module '*.wasm' {
  const module: WebAssembly.Module;
  export default module;
}
