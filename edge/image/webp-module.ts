import type { WebpModule } from '../../shared/image/decode-webp.ts';

/** libwebp's decoder as the Worker's upload holds it, compiled when it is first asked for. */
export const webpModule = async (): Promise<WebpModule> =>
  (await import('@jsquash/webp/codec/dec/webp_dec.wasm')).default;
