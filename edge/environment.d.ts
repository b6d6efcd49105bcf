declare namespace Cloudflare {
  /** The bindings of wrangler.jsonc; its variables are read by configuration.ts. */
  interface Env {
    BUCKET: R2Bucket;
    RATE_LIMITER?: RateLimit;
    ANALYTICS?: AnalyticsEngineDataset;
  }
}
