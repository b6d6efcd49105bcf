declare namespace Cloudflare {
  /** The Worker's bindings. configuration.ts declares its variables. */
  interface Env {
    BUCKET: R2Bucket;
    RATE_LIMITER?: RateLimit;
    ANALYTICS?: AnalyticsEngineDataset;
    ASSETS: Fetcher;
  }
}

/** Wrangler compiles imported .wasm files. */
declare module '*.wasm' {
  const module: WebAssembly.Module;
  export default module;
}

/** Part of ES2026 (https://tc39.es/proposal-arraybuffer-base64). workerd has it, TypeScript's library for ES2024 does not. */
interface Uint8ArrayConstructor {
  fromBase64(
    text: string,
    options?: { alphabet?: 'base64' | 'base64url' },
  ): Uint8Array<ArrayBuffer>;
}
